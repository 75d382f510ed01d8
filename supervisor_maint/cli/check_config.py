"""``supervisor-maint check-config``: everything that is wrong with a configuration, at once."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor_maint.advice import Surroundings
    from supervisor_maint.settings import Settings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "check-config",
        run,
        help="check a configuration, and warn of what breaks listeners",
        example="supervisor-maint check-config --check /etc/supervisor/conf.d/maint.conf",
    )
    parser.add_argument("config", metavar="FILE", type=Path, help="the file with [maint]")
    parser.add_argument(
        "--supervisord-config",
        metavar="FILE",
        help="what supervisord is started with (default: supervisord_config of [maint], else FILE "
        "when it has [supervisord], else what the running supervisord was started with)",
    )
    parser.add_argument(
        "--check", action="store_true", help="exit 1 when there is a warning, too; never for a note"
    )


def run(args: argparse.Namespace) -> int:
    """Print every problem, or all advice there is.

    Returns 1 for what does not work, and with ``--check`` for a warning; problems are exit 2.
    """
    from supervisor_maint.advice import Severity, advise

    settings = load_settings(args)
    found = advise(_surroundings(settings, args.supervisord_config))
    for advice in found:
        print(f"{advice.severity.value}: {advice.subject}: {advice.message}")
        print(f"  to do: {advice.what_to_do}")
    worst = {Severity.ERROR, Severity.WARNING} if args.check else {Severity.ERROR}
    failed = any(advice.severity in worst for advice in found)
    print(f"{settings.path}: {'no problems' if not found else f'{len(found)} to look at'}")
    return 1 if failed else 0


def _surroundings(settings: Settings, supervisord_config: str | None) -> Surroundings:
    """Look around; supervisord is asked what it was started with when nothing else tells."""
    from supervisor_maint.advice import survey
    from supervisor_maint.supervisord.configuration import read_configuration

    seen = survey(
        settings,
        environ=os.environ,
        read_configuration=read_configuration,
        supervisord_config=supervisord_config,
    )
    running = None if seen.configuration or seen.problems else _running(settings)
    if running is None:
        return seen
    path, environment = running
    return survey(
        settings,
        environ=os.environ,
        read_configuration=partial(read_configuration, environment=environment),
        supervisord_config=path,
    )


def _running(settings: Settings) -> tuple[str, Mapping[str, str] | None] | None:
    """Return what configuration and environment the running supervisord was started with.

    None when nobody answers, or when it cannot be told.
    """
    from supervisor_maint.cli.looking import client
    from supervisor_maint.errors import MaintError
    from supervisor_maint.supervisord.started_with import find_configuration, find_environment

    try:
        with client(settings) as supervisor:
            pid = supervisor.identify().pid
        return find_configuration(pid), find_environment(pid)
    except MaintError:
        return None
