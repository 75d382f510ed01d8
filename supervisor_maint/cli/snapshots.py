"""``supervisor-maint snapshots``: what is kept of every hour, and what differs between two."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from supervisor_maint.cli.arguments import add_command, add_config, add_limit, load_at_least_maint
from supervisor_maint.errors import MaintError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from supervisor_maint.processes import Namespec, ProcessStatus
    from supervisor_maint.settings import Settings
    from supervisor_maint.snapshots.changes import Change

    Document = Mapping[str, Any]

NOW = "now"
_A_DAY_SECONDS = 86400.0


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "snapshots",
        run,
        help="show the snapshots that the listener keeps at every hour, one of them, or what "
        "differs between two",
        example="supervisor-maint snapshots 02:00 04:00",
    )
    add_config(parser)
    parser.add_argument(
        "when",
        nargs="?",
        type=_when,
        metavar="WHEN",
        help="02:00 (the last one), 2026-11-28T02:00[+09:00] or now: the snapshot nearest to it",
    )
    parser.add_argument(
        "then", nargs="?", type=_when, metavar="WHEN", help="compare with the one of this time"
    )
    add_limit(parser, default=24)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Read the history, and print the list, one snapshot, or the differences of two."""
    settings = load_at_least_maint(args)
    if args.when is None:
        _list(settings, args)
    elif args.then is None:
        _show_one(_find(args.when, settings), settings, as_json=args.json)
    else:
        both = _find(args.when, settings), _find(args.then, settings)
        _compare(*both, settings, as_json=args.json)
    return 0


def _when(text: str) -> str:
    if text != NOW and _moment(text, None) is None:
        raise argparse.ArgumentTypeError(
            f"expected a time such as 02:00, 2026-11-28T02:00 or now, found {text!r}"
        )
    return text


def _moment(text: str, zone: tzinfo | None) -> float | None:
    from supervisor_maint import moments

    return moments.moment(text, time.time() - _A_DAY_SECONDS, zone)  # 02:00 is the last one


def _list(settings: Settings, args: argparse.Namespace) -> None:
    from supervisor_maint.cli.tables import console, show
    from supervisor_maint.cli.times import moment, size
    from supervisor_maint.store.history_reader import HistoryReader
    from supervisor_maint.store.state_dir import StateDir

    with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
        kept = [_totals(record.document) for record in history.snapshots(args.limit)]
    if args.json:
        print(json.dumps(kept, indent=2))
    elif not kept:
        print("No snapshot is kept yet: the listener keeps one at every full hour.")
    else:
        rows = [
            (
                moment(each["taken_at"], settings.maint.timezone),
                str(sum(each["states"].values())),
                size(each["resident_bytes"]),
                ", ".join(f"{count} {state}" for state, count in each["states"].items()),
            )
            for each in kept
        ]
        show(console(), ("snapshot", "processes", "memory", "states"), rows)


def _totals(document: Document) -> Document:
    from collections import Counter

    rows = document["processes"].values()
    sizes = [row["resident_bytes"] for row in rows if row["resident_bytes"] is not None]
    return {
        "taken_at": document["taken_at"],
        "states": dict(Counter(row["state"] for row in rows).most_common()),
        "resident_bytes": sum(sizes) if sizes else None,
    }


def _find(when: str, settings: Settings) -> Document:
    """Return the present, or the kept snapshot that is nearest. Raises MaintError without any."""
    from supervisor_maint.app.recording import snapshot_document
    from supervisor_maint.cli.looking import snapshot
    from supervisor_maint.cli.snapshot import memory_of
    from supervisor_maint.store.history_reader import HistoryReader
    from supervisor_maint.store.state_dir import StateDir

    at = _moment(when, settings.maint.timezone)
    if at is None:
        taken = snapshot(settings)
        return snapshot_document(taken, memory_of(taken))
    with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
        record = history.snapshot_near(at)
    if record is None:
        raise MaintError("no snapshot is kept yet: the listener keeps one at every full hour")
    return record.document


def _show_one(document: Document, settings: Settings, *, as_json: bool) -> None:
    from supervisor_maint.app.recording import snapshot_of
    from supervisor_maint.cli.snapshot import print_table
    from supervisor_maint.cli.times import moment

    if as_json:
        print(json.dumps(document, indent=2))
        return
    taken, memory = snapshot_of(document)
    zone = settings.maint.timezone
    print(f"{moment(taken.taken_at, zone)}, {len(taken.processes)} processes")
    print_table(taken, memory, zone)


def _compare(before: Document, after: Document, settings: Settings, *, as_json: bool) -> None:
    from supervisor_maint.app.recording import snapshot_of
    from supervisor_maint.cli.tables import console, say, show
    from supervisor_maint.cli.times import moment
    from supervisor_maint.snapshots.changes import changes

    (first, first_memory), (second, second_memory) = snapshot_of(before), snapshot_of(after)
    zone = settings.maint.timezone
    times = moment(first.taken_at, zone), moment(second.taken_at, zone)
    if first.taken_at == second.taken_at:
        raise MaintError(
            f"both times are nearest to the snapshot of {times[0]}; supervisor-maint snapshots "
            "shows which are kept"
        )
    found = changes(first, second, first_memory, second_memory)
    is_another = first.supervisord.identity != second.supervisord.identity
    if as_json:
        print(json.dumps(_difference(before, after, found, is_another=is_another), indent=2))
        return
    out, count = console(), _count(found, {*first.processes, *second.processes})
    say(out, f"from {times[0]} to {times[1]}: {count}")
    if is_another:
        say(out, "supervisord itself was restarted")
    if found:
        show(out, ("process", "state", "pid", "started", "memory"), _rows(found, zone))


def _difference(
    before: Document, after: Document, found: Sequence[Change], *, is_another: bool
) -> Document:
    names = [change.namespec.qualified for change in found]
    return {
        "before": before["taken_at"],
        "after": after["taken_at"],
        "supervisord_restarted": is_another,
        "processes": {
            name: {"before": before["processes"].get(name), "after": after["processes"].get(name)}
            for name in names
        },
    }


def _count(found: Sequence[Change], known: Collection[Namespec]) -> str:
    verb = "differs" if len(found) == 1 else "differ"
    return f"{len(found) or 'none'} of {len(known)} processes {verb}"


def _rows(found: Sequence[Change], zone: tzinfo) -> Iterator[Sequence[str]]:
    from supervisor_maint.cli.times import moment, size

    for change in found:
        yield (
            str(change.namespec),
            _arrow(_state(change.before), _state(change.after)),
            _arrow(_pid(change.before), _pid(change.after)),
            moment(change.after.started_at if change.after else None, zone),
            _arrow(size(change.resident_before), size(change.resident_after)),
        )


def _arrow(before: str, after: str) -> str:
    return after if before == after else f"{before} -> {after}"


def _state(status: ProcessStatus | None) -> str:
    if status is None:
        return "absent"
    ended = "" if status.exit_status is None else f" {status.exit_status}"
    return f"{status.state.name}{ended}"


def _pid(status: ProcessStatus | None) -> str:
    return "-" if status is None or status.pid is None else str(status.pid)
