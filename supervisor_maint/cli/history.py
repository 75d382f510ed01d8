"""``supervisor-maint history``: runs, reports and permission passes, the newest first."""

from __future__ import annotations

import argparse
import json
from itertools import islice
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.arguments import add_command, add_config, add_limit, load_at_least_maint
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from supervisor_maint.settings import Settings
    from supervisor_maint.store.records import Record

# Of one report; after supervisord died with a thousand programs the others are to be seen, too.
_DIFFERENCES_SHOWN = 10


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "history",
        run,
        help="show past runs, the reports after each restart, and what permission passes found",
        example="supervisor-maint history --limit 5",
    )
    add_config(parser)
    parser.add_argument("run_id", nargs="?", metavar="RUN", help="one run, with all of its story")
    add_limit(parser, default=20)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Read the history and print it."""
    from supervisor_maint.store.history_reader import HistoryReader
    from supervisor_maint.store.state_dir import StateDir

    settings = load_at_least_maint(args)
    with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
        if args.run_id is not None:
            return _one(history.run(args.run_id), args, settings)
        runs, reports = list(history.runs(args.limit)), list(history.reports(args.limit))
        passes = list(islice(filter(_has_news, history.permissions()), args.limit))
    if args.json:
        kinds = {"runs": runs, "reports": reports, "permissions": passes}
        documents = {kind: _documents(records) for kind, records in kinds.items()}
        print(json.dumps(documents, indent=2, default=dict))
    else:
        _show(runs, reports, settings)
        _show_passes(passes, settings)
        if not (runs or reports or passes):
            print("Nothing has happened yet: no run, no report, no permission pass.")
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
    if rows:
        show(out, ("report", "after", "took", "differences"), rows)


def _has_news(record: Record) -> bool:
    """Tell whether a permission pass met anything that was not as its rules want it."""
    if record.document["problem"] is not None:
        return True
    told = ("fixed", "would_fix", "failed", "problem")
    return any(rule[each] for rule in record.document["report"]["rules"] for each in told)


def _show_passes(passes: Sequence[Record], settings: Settings) -> None:
    from supervisor_maint.cli.tables import console, table
    from supervisor_maint.cli.times import duration, moment

    if not passes:
        return
    rows = [
        (
            moment(each.document["started_at"], settings.maint.timezone),
            duration(each.document["ended_at"] - each.document["started_at"]),
            _found(each.document),
        )
        for each in passes
    ]
    console().print(table(("permissions", "took", "found"), rows))


def _found(document: Mapping[str, Any]) -> str:
    """Say what a pass found of each rule, a line each."""
    from supervisor_maint.cli.permission_tables import counted
    from supervisor_maint.permissions.report import PassReport

    if document["report"] is None:
        return str(document["problem"])
    report = PassReport.from_document(document["report"])
    return "\n".join(counted(rule) for rule in report.rules)


def _differences(report: Record) -> str:
    from supervisor_maint.snapshots.diff import Difference

    found = report.document["differences"]
    told = [str(Difference.from_document(each)) for each in found[:_DIFFERENCES_SHOWN]]
    if len(found) > len(told):
        told.append(f"and {len(found) - len(told)} more; history --json has all")
    return "\n".join(told) or "none"
