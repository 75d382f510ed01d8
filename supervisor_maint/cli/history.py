"""``supervisor-maint history``: planned runs and the reports that were made, the newest first."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.arguments import add_command, add_config, load_settings
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor_maint.settings import Settings
    from supervisor_maint.store.records import Record

DEFAULT_LIMIT = 20


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "history",
        run,
        help="show past runs and the reports made after each restart, the newest first",
        example="supervisor-maint history --limit 5",
    )
    add_config(parser)
    parser.add_argument("run_id", nargs="?", metavar="RUN", help="one run, with all of its story")
    parser.add_argument("--limit", type=_count, default=DEFAULT_LIMIT, help="how many (default 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Read the history and print it."""
    from supervisor_maint.store.history_reader import HistoryReader
    from supervisor_maint.store.state_dir import StateDir

    settings = load_settings(args)
    with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
        if args.run_id is not None:
            return _one(history.run(args.run_id), args, settings)
        runs, reports = list(history.runs(args.limit)), list(history.reports(args.limit))
    if args.json:
        documents = {"runs": _documents(runs), "reports": _documents(reports)}
        print(json.dumps(documents, indent=2, default=dict))
    else:
        _show(runs, reports, settings)
    return 0


def _one(record: Record | None, args: argparse.Namespace, settings: Settings) -> int:
    from supervisor_maint.cli.run_history import show_run
    from supervisor_maint.cli.tables import console

    if record is None:
        raise MaintError(f"there is no run {args.run_id!r}; supervisor-maint history lists them")
    if args.json:
        print(json.dumps(dict(record.document), indent=2, default=dict))
    else:
        show_run(record, settings, console())
    return 0


def _documents(records: Sequence[Record]) -> list[dict[str, Any]]:
    return [dict(record.document) for record in records]


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return int(text)


def _show(runs: Sequence[Record], reports: Sequence[Record], settings: Settings) -> None:
    from supervisor_maint.cli.run_history import show_runs
    from supervisor_maint.cli.tables import console, show
    from supervisor_maint.cli.times import duration, moment

    rows = [
        (
            moment(report.recorded_at, settings.maint.timezone),
            report.document["reason"].replace("_", " "),
            duration(report.recorded_at - report.document["began_at"]),
            _differences(report),
        )
        for report in reports
    ]
    out = console()
    if runs:
        show_runs(runs, settings, out)
    show(out, ("report", "after", "took", "differences"), rows)


def _differences(report: Record) -> str:
    from supervisor_maint.snapshots.diff import Difference

    return (
        "\n".join(str(Difference.from_document(each)) for each in report.document["differences"])
        or "none"
    )
