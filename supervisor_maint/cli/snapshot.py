"""``supervisor-maint snapshot``: every process as it is now."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, add_config, load_at_least_maint

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from supervisor_maint.processes import Namespec, Snapshot


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
    parser.add_argument(
        "--json",
        dest="format",
        action="store_const",
        const="json",
        help="the same as --format json",
    )


def run(args: argparse.Namespace) -> int:
    """Ask supervisord, and print."""
    from supervisor_maint.cli.looking import snapshot

    settings = load_at_least_maint(args)
    taken = snapshot(settings)
    if args.format == "status":
        print("\n".join(status_lines(taken)))
    elif args.format == "json":
        from supervisor_maint.app.recording import snapshot_document

        print(json.dumps(snapshot_document(taken, memory_of(taken)), indent=2))
    else:
        print_table(taken, memory_of(taken), settings.maint.timezone)
    return 0


def memory_of(snapshot: Snapshot) -> Mapping[Namespec, int]:
    """Return the resident memory of each process and its children now, in bytes."""
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


def print_table(snapshot: Snapshot, memory: Mapping[Namespec, int], zone: tzinfo) -> None:
    """Print a row a process, with times in a zone."""
    from supervisor_maint.cli.tables import console, show
    from supervisor_maint.cli.times import moment, size

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
