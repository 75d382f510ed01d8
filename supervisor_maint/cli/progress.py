"""The progress of a run as the listener publishes it: a live table, or plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Callable

import attrs
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from supervisor_maint import moments
from supervisor_maint.cli.tables import table
from supervisor_maint.durations import show as duration

# Ten looks a second at a small file: live to the eye, and nothing to the machine.
LOOK_SECONDS = 0.1
OUTCOMES = {"succeeded": "succeeded", "failed": "failed", "skipped": "was skipped"}
# What is told above the rows, headers and their rule, and what is told below.
_LINES_BESIDE_ROWS = 10
_STYLES = {"succeeded": "bold green", "failed": "bold red", "skipped": "yellow"}

Published = Callable[[], "Mapping[str, Any] | None"]
Row = tuple[str, ...]


def is_over(run: Mapping[str, Any]) -> bool:
    """Tell whether a published run has its outcome."""
    return run["phase"] in OUTCOMES


@attrs.define(kw_only=True)
class Progress:
    """Shows one run until it is over.

    ``published`` returns the run that the listener shows, ``trouble`` why that may not be true any
    more, an empty text when it is.
    ``clock`` is in seconds since the epoch.
    """

    run_id: str
    published: Published
    trouble: Callable[[], str]
    out: Console
    zone: tzinfo
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    _printed: int = attrs.field(init=False, default=0)
    _blockers: Sequence[str] = attrs.field(init=False, factory=list)
    _trouble: str = attrs.field(init=False, default="")

    def follow(self) -> Mapping[str, Any] | None:
        """Show the run until it is over and return it; None when the listener shows another."""
        return self._live() if self.out.is_terminal else self._plain()

    def _plain(self) -> Mapping[str, Any] | None:
        for run in self._looks():
            if self._trouble:
                self._say(self._trouble)
            self._say_news(run)
            if is_over(run):
                return run
        return None

    def _live(self) -> Mapping[str, Any] | None:
        with Live(console=self.out, auto_refresh=False) as live:
            for run in self._looks():
                live.update(self._shown(run), refresh=True)
                if is_over(run):
                    return run
        return None

    def _looks(self) -> Iterator[Mapping[str, Any]]:
        """Yield what is published, as often as it is looked at, while it is about our run.

        While the listener is in trouble what it said last stays, and it is yielded once.
        """
        while True:
            run = self.published()
            if run is None or run["id"] != self.run_id:
                return
            before, self._trouble = self._trouble, "" if is_over(run) else self.trouble()
            if not (before and self._trouble == before):
                yield run
            self.sleep(LOOK_SECONDS)

    def _say_news(self, run: Mapping[str, Any]) -> None:
        for line in run["story"]:
            if line["number"] < self._printed:
                continue
            process = f"{line['process']} " if line["process"] else ""
            self._say(f"{moments.show(line['at'], self.zone)}  {process}{line['text']}")
            self._printed = line["number"] + 1
        blockers = run["blockers"] if run["phase"] == "pending" else []
        if blockers != self._blockers:
            self._blockers = blockers
            for blocker in blockers:
                self._say(f"waits: {blocker}")

    def _say(self, text: str) -> None:
        self.out.print(text, markup=False, highlight=False, soft_wrap=True)

    def _shown(self, run: Mapping[str, Any]) -> Group:
        now = run["ended_at"] or self.clock()
        head = Text("\n".join(self._head(run, now)), style=_STYLES.get(run["phase"], "bold"))
        rows = [_row(target, now) for target in run["targets"]]
        if not rows:
            return Group(head)
        shown = self._fitting(rows, run["targets"])
        headers = ("batch", "process", "progress", "away for", "about", "reason")
        hidden = len(rows) - len(shown)
        return Group(head, table(headers, shown), *([Text(f"and {hidden} more")] if hidden else []))

    def _fitting(self, rows: Sequence[Row], targets: Sequence[Mapping[str, Any]]) -> Sequence[Row]:
        """Return the rows that the terminal has room for; what is under way or failed first."""
        room = max(self.out.height - _LINES_BESIDE_ROWS, 1)
        if len(rows) <= room:
            return rows
        ranked = sorted(range(len(rows)), key=lambda each: _rank(targets[each]["progress"]))
        return [rows[each] for each in sorted(ranked[:room])]

    def _head(self, run: Mapping[str, Any], now: float) -> Iterator[str]:
        told = run["phase"] if not is_over(run) else OUTCOMES[run["phase"]]
        elapsed = duration(now - run["created_at"])
        expected = run["expected_seconds"]
        if expected is not None and not is_over(run):
            elapsed += f" of about {duration(expected)}"
        counted = ""
        if run["targets"]:
            done = sum(target["progress"] == "done" for target in run["targets"])
            counted = f"; {done} of {len(run['targets'])} restarted"
        yield f"run {run['id']} of {run['plan']}: {told}, {elapsed}{counted}"
        if run["reason"]:
            yield run["reason"]
        if run["phase"] == "pending":
            yield from (f"waits: {blocker}" for blocker in run["blockers"])
        if self._trouble:
            yield self._trouble


def _row(target: Mapping[str, Any], now: float) -> Row:
    stopped_at, back_at = target["stopped_at"], target["back_at"]
    is_settled = target["progress"] in ("done", "left", "failed")
    away = "-"
    if stopped_at is not None and (back_at is not None or not is_settled):
        away = f"{max((back_at or now) - stopped_at, 0.0):.1f}s"
    return (
        str(target["batch"] or "-"),
        target["process"],
        target["progress"].replace("_", " "),
        away,
        f"{target['expected_seconds']:.1f}s",
        target["reason"],
    )


def _rank(progress: str) -> int:
    order = ("failed", "stopping", "coming_back", "waiting", "left", "done")
    return order.index(progress)
