"""``supervisor-maint history``: the reports that were made, the newest first."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from supervisor_maint.cli.arguments import add_command, add_config, load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor_maint.settings import Settings
    from supervisor_maint.store.history_reader import Record

DEFAULT_LIMIT = 20


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "history",
        run,
        help="show the reports that were made after each restart, the newest first",
        example="supervisor-maint history --limit 5",
    )
    add_config(parser)
    parser.add_argument("--limit", type=_count, default=DEFAULT_LIMIT, help="how many (default 20)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Read the history and print it."""
    from supervisor_maint.store.history_reader import HistoryReader
    from supervisor_maint.store.state_dir import StateDir

    settings = load_settings(args)
    with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
        reports = list(history.reports(args.limit))
    if args.json:
        print(json.dumps([dict(report.document) for report in reports], indent=2, default=dict))
    else:
        _show(reports, settings)
    return 0


def _count(text: str) -> int:
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a number from 1, found {text!r}")
    return int(text)


def _show(reports: Sequence[Record], settings: Settings) -> None:
    from supervisor_maint.cli.tables import console, table
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
    console().print(table(("report", "after", "took", "differences"), rows))


def _differences(report: Record) -> str:
    return (
        "\n".join(
            f"{each['process']}: {each['kind']}: {each['expected']} -> {each['found']}"
            for each in report.document["differences"]
        )
        or "none"
    )
