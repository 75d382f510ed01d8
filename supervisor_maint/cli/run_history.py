"""Past runs, for ``supervisor-maint history``: the list, and one of them whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from supervisor_maint.cli.tables import say, show
from supervisor_maint.cli.times import duration, moment, size
from supervisor_maint.processes import Namespec
from supervisor_maint.settings import Settings
from supervisor_maint.snapshots.diff import Difference
from supervisor_maint.store.records import Record

# How a process may have come out of a run; what it did not come to was not restarted.
_RESULTS = {"done": "restarted", "left": "left as it is", "failed": "failed"}


def show_runs(runs: Sequence[Record], settings: Settings, out: Console) -> None:
    """Print a line a run, the newest first."""
    rows = [_row(record, settings) for record in runs]
    show(out, ("run", "plan", "began", "by", "result", "took", "restarted", "reason"), rows)


def show_run(record: Record, settings: Settings, out: Console) -> None:
    """Print everything that is kept of a run."""
    zone, document = settings.maint.timezone, record.document
    show_runs([record], settings, out)
    rows = _target_rows(document)
    if rows:
        headers = ("process", "result", "away for", "memory before", "memory after", "reason")
        show(out, headers, rows)
    for difference in document.get("differences", ()):
        say(out, f"differs: {Difference.from_document(difference)}", style="yellow")
    for step in document["run"].get("steps", ()):
        reason = f": {step['reason']}" if step["reason"] else ""
        say(out, f"{step['phase']} step {step['name']} {step['outcome'].replace('_', ' ')}{reason}")
    for note in document["run"].get("notes", ()):
        say(out, f"note: {note}", style="yellow")
    for line in document.get("story", ()):
        process = f"{line['process']} " if line["process"] else ""
        say(out, f"{moment(line['at'], zone)}  {process}{line['text']}", style="dim")


def _target_rows(document: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row a process, in the order of the run, but what failed first."""
    memory, downtimes = _memory(document), document.get("downtime_seconds", {})
    targets = document["run"].get("targets") or ()
    return [
        (
            str(Namespec.parse(_name(target))),
            _RESULTS.get(target["progress"], "not restarted"),
            _seconds(downtimes.get(_name(target))),
            *memory.get(_name(target), ("-", "-")),
            target.get("reason") or "",
        )
        for target in sorted(targets, key=lambda each: each["progress"] != "failed")
    ]


def _row(record: Record, settings: Settings) -> tuple[str, ...]:
    run = record.document["run"]
    targets = run.get("targets") or ()
    done = sum(target["progress"] == "done" for target in targets)
    ended_at = run.get("ended_at")
    return (
        run["id"],
        run["plan"]["name"],
        moment(run["created_at"], settings.maint.timezone),
        run.get("asked_by") or "schedule",
        run["phase"],
        "-" if ended_at is None else duration(ended_at - run["created_at"]),
        f"{done} of {len(targets)}" if targets else "-",
        run.get("reason") or "",
    )


def _memory(document: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    before, after = (
        (document.get(when) or {}).get("processes", {}) for when in ("before", "after")
    )
    return {
        name: (size(row["resident_bytes"]), size(after.get(name, {}).get("resident_bytes")))
        for name, row in before.items()
    }


def _name(target: Mapping[str, Any]) -> str:
    name: str = target["chosen"]["namespec"]
    return name


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}s"
