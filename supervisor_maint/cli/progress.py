"""The progress of a run as the listener publishes it: a live table, or plain lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Callable

import attrs
from rich.console import Console
from rich.live import Live
from rich.table import Table

from supervisor_maint import moments
from supervisor_maint.cli.tables import table
from supervisor_maint.durations import show as duration

# Ten looks a second at a small file: live to the eye, and nothing to the machine.
LOOK_SECONDS = 0.1
_OVER = frozenset({"succeeded", "failed", "skipped"})
_STYLES = {"succeeded": "bold green", "failed": "bold red", "skipped": "yellow"}

Published = Callable[[], "Mapping[str, Any] | None"]


def is_over(run: Mapping[str, Any]) -> bool:
    """Tell whether a published run has its outcome."""
    return run["phase"] in _OVER


@attrs.define(kw_only=True)
class Progress:
    """Shows one run until it is over. ``published`` returns the run that the listener shows."""

    run_id: str
    published: Published
    out: Console
    zone: tzinfo
    expected_seconds: float | None = None

    def follow(self) -> Mapping[str, Any] | None:
        """Show the run until it is over and return it; None when the listener shows another."""
        if self.out.is_terminal:
            return self._live()
        for run in self._looks():
            self._print_new_lines(run)
            if is_over(run):
                return run
        return None

    def _live(self) -> Mapping[str, Any] | None:
        last = None
        with Live(console=self.out, auto_refresh=False, transient=False) as live:
            for run in self._looks():
                last = run
                live.update(self._table(run), refresh=True)
                if is_over(run):
                    return run
        return None if last is None or not is_over(last) else last

    def _looks(self) -> Iterator[Mapping[str, Any]]:
        """Yield what is published, as often as it is looked at, while it is about our run."""
        while True:
            run = self.published()
            if run is None or run["id"] != self.run_id:
                return
            yield run
            time.sleep(LOOK_SECONDS)

    _printed: int = attrs.field(init=False, default=0)
    _blockers: Sequence[str] = attrs.field(init=False, factory=list)

    def _print_new_lines(self, run: Mapping[str, Any]) -> None:
        told = [line for line in run["story"] if line["number"] >= self._printed]
        for line in told:
            process = f"{line['process']} " if line["process"] else ""
            text = f"{moments.show(line['at'], self.zone)}  {process}{line['text']}"
            self.out.print(text, markup=False, highlight=False)
            self._printed = line["number"] + 1
        if run["blockers"] != self._blockers:
            self._blockers = run["blockers"]
            for blocker in self._blockers:
                self.out.print(f"waits: {blocker}", markup=False, highlight=False)

    def _table(self, run: Mapping[str, Any]) -> Table:
        elapsed = (run["ended_at"] or time.time()) - run["created_at"]
        expected = ""
        if self.expected_seconds is not None and not is_over(run):
            expected = f" of about {duration(self.expected_seconds)}"
        title = f"run {run['id']} of {run['plan']}: {run['phase']}, {duration(elapsed)}{expected}"
        if run["reason"]:
            title += f"\n{run['reason']}"
        for blocker in run["blockers"]:
            title += f"\nwaits: {blocker}"
        rows = [
            (each["process"], each["progress"].replace("_", " "), each["reason"])
            for each in run["targets"]
        ]
        made = table(("process", "progress", "reason"), rows, title=title)
        made.title_style = _STYLES.get(run["phase"], "bold")
        return made
