"""``supervisor-maint run``: have a planned restart done now, and watch it."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.arguments import (
    add_command,
    add_config,
    load_at_least_maint,
    load_settings,
)
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor_maint.settings import Settings

# As a shell says of a command that SIGINT ended.
INTERRUPTED = 130


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "run",
        run,
        help="have a plan run now, and watch it; Ctrl-C stops watching, not the run",
        example="supervisor-maint run nightly",
    )
    add_config(parser)
    parser.add_argument("plan", nargs="?", metavar="PLAN", help="which plan (default: the only)")
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--dry-run", action="store_true", help="show what would happen, as plan does"
    )
    instead.add_argument("--detach", action="store_true", help="begin it, and do not watch it")
    instead.add_argument(
        "--watch", action="store_true", help="begin nothing, and watch the run that is under way"
    )


def run(args: argparse.Namespace) -> int:
    """Ask the listener to begin; 0 when the run succeeded, 1 when it failed or was skipped."""
    if args.dry_run:
        from supervisor_maint.cli import plan

        plan.show(load_settings(args), args.plan)
        return 0
    settings = load_at_least_maint(args)
    if args.watch:
        return _watch(settings, _under_way(settings))
    from supervisor_maint.cli.requesting import ask
    from supervisor_maint.store.requests import Verb

    answer = ask(settings, Verb.RUN, plan=args.plan)
    print(answer.sentence, flush=True)
    if not answer.done or answer.run_id is None:
        return 1
    return 0 if args.detach else _watch(settings, answer.run_id)


def _under_way(settings: Settings) -> str:
    """Return the id of the run under way. Raises MaintError without one."""
    from supervisor_maint.cli.progress import is_over

    run = _published_run(settings)
    if run is None or is_over(run):
        raise MaintError("no run is under way; supervisor-maint history lists the past ones")
    return str(run["id"])


def _watch(settings: Settings, run_id: str) -> int:
    from supervisor_maint.cli.progress import Progress
    from supervisor_maint.cli.tables import console

    progress = Progress(
        run_id=run_id,
        published=lambda: _published_run(settings),
        trouble=lambda: _trouble(settings),
        out=console(),
        zone=settings.maint.timezone,
    )
    try:
        found = progress.follow()
    except KeyboardInterrupt:
        print(
            f"\nrun {run_id} goes on without being watched\n"
            "to watch it again:  supervisor-maint run --watch\n"
            "to cancel it:       supervisor-maint cancel"
        )
        return INTERRUPTED
    if found is None:
        found = _remembered_run(settings, run_id)
    return _conclude(found)


def _published_run(settings: Settings) -> Mapping[str, Any] | None:
    from supervisor_maint.cli.connecting import published

    known = published(settings)
    found: Mapping[str, Any] | None = (
        (known.document if known else {}).get("maintenance", {}).get("run")
    )
    return found


def _trouble(settings: Settings) -> str:
    """Say why the run may be further than the listener shows it; an empty text when all is well."""
    from supervisor_maint.cli.connecting import published, silent_for
    from supervisor_maint.cli.times import moment
    from supervisor_maint.store.state_dir import StateDir

    if StateDir(settings.maint.state_dir).holder() is None:
        return "the listener is gone; the run goes on when supervisord has started it again"
    known = published(settings)
    if known is None or silent_for(known.document, settings, time.time()) is None:
        return ""
    since = moment(known.published_at, settings.maint.timezone)
    return f"the listener has shown nothing since {since}: its log says why; the run goes on"


def _remembered_run(settings: Settings, run_id: str) -> Mapping[str, Any]:
    """Return a run out of the history: a later listener does not publish it any more."""
    from supervisor_maint.store.history_reader import HistoryReader
    from supervisor_maint.store.state_dir import StateDir

    with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
        record = history.run(run_id)
    if record is None:
        raise MaintError(f"the listener no longer shows run {run_id}, and did not keep it")
    run = record.document["run"]
    return {**run, "plan": run["plan"]["name"]}


def _conclude(run: Mapping[str, Any]) -> int:
    from supervisor_maint.cli.progress import OUTCOMES

    reason = f": {run['reason']}" if run["reason"] else ""
    print(f"run {run['id']} of {run['plan']} {OUTCOMES.get(run['phase'], 'did not end')}{reason}")
    print(f"all of it: supervisor-maint history {run['id']}")
    return 0 if run["phase"] == "succeeded" else 1
