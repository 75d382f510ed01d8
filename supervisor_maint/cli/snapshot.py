"""``supervisor-maint snapshot``: every process as it is now."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, add_config, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from supervisor_maint.processes import Namespec, Snapshot
    from supervisor_maint.settings import Settings


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "snapshot",
        run,
        help="show every process as it is now; looking never moves the baseline",
        example="supervisor-maint snapshot --format status",
    )
    add_config(parser)
    parser.add_argument(
        "--format",
        choices=("table", "status", "json"),
        default="table",
        help="a table, lines as supervisorctl status prints them, or JSON (default: table)",
    )


def run(args: argparse.Namespace) -> int:
    """Ask supervisord, and print."""
    from supervisor_maint.cli.looking import snapshot

    settings = load_settings(args)
    taken = snapshot(settings)
    if args.format == "status":
        print("\n".join(status_lines(taken)))
    elif args.format == "json":
        from supervisor_maint.app.recording import snapshot_document

        print(json.dumps(snapshot_document(taken, _memory(taken)), indent=2))
    else:
        _print_table(taken, settings)
    return 0


def _memory(snapshot: Snapshot) -> Mapping[Namespec, int]:
    from supervisor_maint.supervisord.memory import ProcessMemory

    return ProcessMemory().resident(snapshot.pids)


def status_lines(snapshot: Snapshot) -> list[str]:
    """Return the lines that ``supervisorctl status`` prints (``supervisorctl.py``, do_status)."""
    names = {namespec: str(namespec) for namespec in snapshot.processes}
    width = max((len(name) for name in names.values()), default=0)
    width = max(width, 30)
    return [
        f"{names[namespec]:<{width}}   {status.state.name:<10}{status.description}"
        for namespec, status in snapshot.processes.items()
    ]


def _print_table(snapshot: Snapshot, settings: Settings) -> None:
    from supervisor_maint.cli.tables import console, show
    from supervisor_maint.cli.times import moment, size

    zone, memory = settings.maint.timezone, _memory(snapshot)
    rows = [
        (
            str(namespec),
            status.state.name,
            "-" if status.pid is None else str(status.pid),
            moment(status.started_at, zone),
            "-" if status.exit_status is None else str(status.exit_status),
            size(memory.get(namespec)),
        )
        for namespec, status in snapshot.processes.items()
    ]
    show(console(), ("process", "state", "pid", "started", "exit status", "memory"), rows)
