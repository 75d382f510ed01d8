"""``supervisor-maint permissions``: what is not as the rules want it, put right or shown.

The listener starts it too, at every hour, with ``--json``. It walks file trees that may be large
and has little memory for it: what only people need is loaded once the walk is over.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import time
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, add_config, load_settings
from supervisor_maint.errors import MaintError, Problem, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from supervisor_maint.permissions.report import PassReport
    from supervisor_maint.settings import Settings


# The second is forked for a large tree; a third would wait for the disk with them.
MOST_PROCESSES = 2


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "permissions",
        run,
        help="put right owners, groups and modes as the [permissions:NAME] sections want them",
        example="supervisor-maint permissions --dry-run --rule logs",
    )
    add_config(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be changed, and change nothing"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 when something has drifted"
    )
    parser.add_argument("--rule", metavar="NAME", help="one rule alone (default: every rule)")
    parser.add_argument(
        "--timeout",
        metavar="DURATION",
        type=_duration,
        default=math.inf,
        help="leave off after so long, such as 30m, and say so (default: never)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Make a pass and show it.

    Returns 1 when something could not be done, and with ``--check`` also when it would have to be.
    """
    settings = load_settings(args)
    _check_rule(settings, args.rule)
    is_dry_run = args.dry_run or args.check
    with contextlib.nullcontext() if is_dry_run else _alone(settings):
        report = _walk(settings, args.rule, is_dry_run=is_dry_run, timeout_seconds=args.timeout)
    if args.json:
        print(json.dumps(report.as_document()))
    else:
        from supervisor_maint.cli.permission_tables import show

        show(report)
    if args.check:
        return 1 if report.has_drift else 0
    return 1 if report.has_trouble else 0


def _duration(text: str) -> float:
    from supervisor_maint import durations

    seconds = durations.seconds(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"expected a duration such as 30m or 2h, found {text!r}")
    return seconds


def _check_rule(settings: Settings, name: str | None) -> None:
    """Raise SettingsError when there is no rule at all, or none with this name."""
    known = [rule.name for rule in settings.permissions if rule.is_enabled]
    if known and (name is None or name in known):
        return
    found = ", ".join(known) or "none; add a [permissions:NAME] section"
    asked = "a rule for permissions" if name is None else f"a rule {name!r}"
    problem = Problem(file=settings.path, message=f"expected {asked}, known are: {found}")
    raise SettingsError([problem])


def _alone(settings: Settings) -> AbstractContextManager[object]:
    """Keep a second pass away while this one changes things. Raises StateLocked.

    Who may not open the listener's folder goes on without: what he may change is his own, and
    each change is made to what was looked at or not at all.
    """
    from supervisor_maint.store.locking import acquire_folder

    try:
        return acquire_folder(settings.maint.state_dir)
    except OSError:
        return contextlib.nullcontext()


def _walk(
    settings: Settings, rule: str | None, *, is_dry_run: bool, timeout_seconds: float
) -> PassReport:
    from supervisor_maint.permissions.passes import run_pass

    rules = settings.permissions
    needs_logs = any(each.is_for_logs for each in rules if each.is_enabled)
    return run_pass(
        rules,
        supervisor_logs=_log_files(settings) if needs_logs else (),
        is_dry_run=is_dry_run,
        clock=time.time,
        deadline_at=time.time() + timeout_seconds,
        only=rule,
        processes=min(MOST_PROCESSES, len(os.sched_getaffinity(0))),
    )


def _log_files(settings: Settings) -> Sequence[str] | None:
    """Ask supervisord where its programs log to; None, with a line that says why, if it cannot."""
    from supervisor_maint.cli import complain
    from supervisor_maint.cli.connecting import client

    try:
        with client(settings) as supervisor:
            statuses = supervisor.snapshot().processes.values()
    except MaintError as error:
        complain(error.msg, code=1)
        return None
    found = (path for each in statuses for path in (each.stdout_logfile, each.stderr_logfile))
    return sorted({path for path in found if path})
