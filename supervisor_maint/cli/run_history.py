"""Past runs, for ``supervisor-maint history``: the list, and one of them whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from supervisor_maint.cli.tables import table
from supervisor_maint.cli.times import duration, moment, size
from supervisor_maint.settings import Settings
from supervisor_maint.store.records import Record


def show_runs(runs: Sequence[Record], settings: Settings, out: Console) -> None:
    """Print a line a run, the newest first."""
    rows = [_row(record, settings) for record in runs]
    out.print(table(("run", "plan", "began", "by", "result", "took", "restarted", "reason"), rows))


def show_run(record: Record, settings: Settings, out: Console) -> None:
    """Print everything that is kept of a run."""
    zone, document = settings.maint.timezone, record.document
    show_runs([record], settings, out)
    memory = _memory(document)
    rows = [
        (
            _name(target),
            target["progress"].replace("_", " "),
            _seconds(document.get("downtime_seconds", {}).get(_name(target))),
            *memory.get(_name(target), ("-", "-")),
            target.get("reason") or "",
        )
        for target in document["run"].get("targets") or ()
    ]
    headers = ("process", "result", "away for", "memory before", "after", "reason")
    out.print(table(headers, rows))
    for each in document.get("differences", ()):
        line = f"differs: {each['process']}: {each['kind']}: {each['expected']} -> {each['found']}"
        out.print(line, style="yellow", markup=False, highlight=False)
    for step in document["run"].get("steps", ()):
        line = f"step {step['name']} ({step['phase']}): {step['outcome']} {step['reason']}"
        out.print(line.rstrip(), markup=False, highlight=False)
    for note in document["run"].get("notes", ()):
        out.print(f"note: {note}", markup=False, highlight=False)
    for line in document.get("story", ()):
        process = f"{line['process']} " if line["process"] else ""
        text = f"{moment(line['at'], zone)}  {process}{line['text']}"
        out.print(text, style="dim", markup=False, highlight=False)


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
        f"{done} of {len(targets)}",
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
