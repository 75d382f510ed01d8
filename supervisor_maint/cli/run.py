"""``supervisor-maint run``: have a planned restart done now, and watch it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.arguments import add_command, add_config, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor_maint.settings import Settings


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
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would happen, as plan does"
    )
    parser.add_argument("--detach", action="store_true", help="do not watch it")


def run(args: argparse.Namespace) -> int:
    """Ask the listener to begin; 0 when the run succeeded, 1 when it failed or was skipped."""
    if args.dry_run:
        from supervisor_maint.cli import plan

        return plan.run(args)
    from supervisor_maint.cli.requesting import ask
    from supervisor_maint.store.requests import Verb

    settings = load_settings(args)
    answer = ask(settings, Verb.RUN, plan=args.plan)
    print(answer.sentence)
    if not answer.done or args.detach:
        return 0 if answer.done else 1
    return _watch(settings, answer.sentence.split()[1])


def _watch(settings: Settings, run_id: str) -> int:
    from supervisor_maint.cli.progress import Progress
    from supervisor_maint.cli.tables import console

    progress = Progress(
        run_id=run_id,
        published=lambda: _published_run(settings),
        out=console(),
        zone=settings.maint.timezone,
    )
    try:
        found = progress.follow()
    except KeyboardInterrupt:
        print(
            f"\nThe run {run_id} goes on. To watch it:  supervisor-maint status\n"
            "To cancel it:  supervisor-maint cancel"
        )
        return 130
    if found is None:
        print(f"the listener shows another run; see supervisor-maint history {run_id}")
        return 1
    _conclude(found)
    return 0 if found["phase"] == "succeeded" else 1


def _published_run(settings: Settings) -> Mapping[str, Any] | None:
    from supervisor_maint.cli.looking import published

    known = published(settings)
    found: Mapping[str, Any] | None = (
        (known.document if known else {}).get("maintenance", {}).get("run")
    )
    return found


def _conclude(run: Mapping[str, Any]) -> None:
    reason = f": {run['reason']}" if run["reason"] else ""
    print(f"run {run['id']} of {run['plan']} {run['phase']}{reason}")
    print(f"supervisor-maint history {run['id']} shows all of it")
