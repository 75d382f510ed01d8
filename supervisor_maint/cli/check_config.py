"""``supervisor-maint check-config``: everything that is wrong with a configuration, at once."""

from __future__ import annotations

import argparse
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisor_maint.advice import PluginTrial, Surroundings
    from supervisor_maint.processes import Namespec
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
        "when it has [supervisord], else what the running supervisord was started with, else a "
        "usual file that includes FILE)",
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
    """Look around; supervisord is asked what it was started with when nothing else tells.

    Before a first `supervisorctl update` nobody knows yet where to ask it.
    """
    import attrs

    seen = _survey(settings, None, supervisord_config)
    pid = _pid_of_supervisord(settings, seen)
    if not seen.configuration and not seen.problems:
        found = _survey_usual(settings) if pid is None else _survey_running(settings, pid)
        seen = found or seen
        pid = pid or _pid_of_supervisord(settings, seen)
    seen = attrs.evolve(seen, downtimes=_downtimes(settings))
    return seen if pid is None else attrs.evolve(seen, plugin_trial=_plugin_trial(pid))


def _survey(
    settings: Settings, environment: Mapping[str, str] | None, path: str | None
) -> Surroundings:
    from supervisor_maint.advice import survey
    from supervisor_maint.supervisord.configuration import read_configuration

    return survey(
        settings,
        environ=os.environ,
        read_configuration=partial(read_configuration, environment=environment),
        supervisord_config=path,
    )


def _survey_running(settings: Settings, pid: int) -> Surroundings | None:
    """Look at what the running supervisord was started with; None when it cannot be told."""
    from supervisor_maint.errors import MaintError
    from supervisor_maint.supervisord.started_with import find_configuration, find_environment

    try:
        return _survey(settings, find_environment(pid), find_configuration(pid))
    except MaintError:
        return None


def _survey_usual(settings: Settings) -> Surroundings | None:
    """Look at the file at a usual place that includes the settings' own; None when none does."""
    from supervisor_maint.supervisord.started_with import usual_configurations

    own = Path(settings.path).resolve()
    for path in usual_configurations():
        seen = _survey(settings, None, path)
        if seen.configuration and any(
            own == Path(file).resolve() for file in seen.configuration.files
        ):
            return seen
    return None


def _pid_of_supervisord(settings: Settings, seen: Surroundings) -> int | None:
    """Return the pid of the supervisord that the settings or its configuration are about.

    None when nobody answers.
    """
    from supervisor_maint.cli.connecting import client, connect
    from supervisor_maint.errors import MaintError

    ways = [partial(client, settings)]
    ways += [partial(connect, settings, server.url) for server in seen.servers]
    for way in ways:
        try:
            with way() as supervisor:
                return supervisor.identify().pid
        except MaintError:
            continue
    return None


def _plugin_trial(pid: int) -> PluginTrial:
    """Have supervisord's own Python import our plug-in."""
    from supervisor_maint.advice import PluginTrial
    from supervisor_maint.errors import MaintError
    from supervisor_maint.supervisord.plugin_check import importable_by

    try:
        reason = importable_by(pid)
    except MaintError as error:
        return PluginTrial(None, error.msg)
    return PluginTrial(reason is None, reason or "")


def _downtimes(settings: Settings) -> Mapping[Namespec, Sequence[float]]:
    """Return what past runs took; nothing when the history cannot be read."""
    from supervisor_maint.cli.looking import past_downtimes
    from supervisor_maint.errors import MaintError

    try:
        return past_downtimes(settings)
    except MaintError:
        return {}
