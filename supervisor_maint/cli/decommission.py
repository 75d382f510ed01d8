"""``supervisor-maint decommission``: take this supervisord's group out of the Pushgateway."""

from __future__ import annotations

import argparse

import attrs

from supervisor_maint.cli.arguments import add_command, add_config, load_settings
from supervisor_maint.errors import MaintError


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "decommission",
        run,
        help="delete our group from every Pushgateway, once the listener is gone for good",
        example="supervisorctl stop maint && supervisor-maint decommission",
    )
    add_config(parser)


def run(args: argparse.Namespace) -> int:
    """Delete the groups; refuses while the listener lives, which would push them again."""
    from supervisor_maint.cli.sinks import pushgateway_target
    from supervisor_maint.monitoring.sinks.pushgateway import PushgatewaySink
    from supervisor_maint.settings.sinks import PushgatewaySection
    from supervisor_maint.store.state_dir import StateDir

    settings = load_settings(args)
    sections = settings.of(PushgatewaySection)
    if not sections:
        raise MaintError(f"{settings.path}: there is no [sink:pushgateway], so nothing to delete")
    state = StateDir(settings.maint.state_dir)
    if state.is_held():
        raise MaintError(
            f"the listener lives (pid {state.holder()}) and would push again: stop it first with "
            "supervisorctl stop maint"
        )
    for section in sections:
        target = attrs.evolve(pushgateway_target(section), delete_on_stop=True)
        PushgatewaySink(target).close()
        print(f"deleted our group at {target.place}")
    return 0
