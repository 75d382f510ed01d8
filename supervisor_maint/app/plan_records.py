"""What is remembered of each plan for the metrics and the estimates. No I/O here.

It is saved with the listener's own counters; what a crash must not lose is in the journal.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import attrs

from supervisor_maint.processes import Namespec
from supervisor_maint.snapshots.diff import RUN_KINDS
from supervisor_maint.store.records import OUTCOMES, LastRun

T = TypeVar("T")


@attrs.define(kw_only=True)
class PlanRecord:
    """How a plan went so far; times are seconds since the epoch, None for never.

    ``known_since_at`` is when it was first seen with this ``schedule``: nothing that was
    scheduled before counts as missed. ``noted`` names the last run that is counted, and
    ``differences`` counts by kind what nobody but it could find.
    """

    schedule: str
    known_since_at: float
    runs: Counter[str] = attrs.field(factory=lambda: Counter(dict.fromkeys(OUTCOMES, 0)))
    last_start_at: float | None = None
    last_completion_at: float | None = None
    last_success_at: float | None = None
    last_duration_seconds: float | None = None
    noted: str | None = None
    differences: dict[str, int] = attrs.field(factory=dict)

    def note(self, last: LastRun, differences: Iterable[str] = ()) -> bool:
        """Count a run that is over, or was missed; the same again is not counted, and False.

        ``differences`` are the kinds of all that it found.
        """
        name = last.run_id or f"scheduled for {last.scheduled_at}"
        if name == self.noted:
            return False
        self.noted = name
        self.runs[last.outcome] += 1
        if last.outcome == "skipped" or last.started_at is None:
            return True
        self.differences = dict(Counter(kind for kind in differences if kind in RUN_KINDS))
        self.last_start_at = last.started_at
        self.last_completion_at = last.ended_at
        self.last_duration_seconds = max(last.ended_at - last.started_at, 0.0)
        if last.outcome == "succeeded":
            self.last_success_at = last.ended_at
        return True


@attrs.define
class PlanRecords:
    """The record of every plan there ever was, and what the last run did to each process.

    That is how long it was away, and by how many bytes it was smaller afterwards. From
    ``window_start_at`` until ``window_deadline_at`` alerts may be muted because of the open or
    last run.
    """

    plans: dict[str, PlanRecord] = attrs.field(factory=dict)
    downtime_seconds: dict[Namespec, float] = attrs.field(factory=dict)
    memory_given_back: dict[Namespec, int] = attrs.field(factory=dict)
    window_start_at: float | None = None
    window_deadline_at: float | None = None

    def follow_window(self, deadline_at: float, ended_at: float | None, now: float) -> None:
        """Let alerts be muted until the deadline of a run, or its end, once it is over.

        It begins now when the window known so far is over.
        """
        known_at = self.window_deadline_at
        if known_at is None or known_at <= now < deadline_at:
            self.window_start_at = now
        self.window_deadline_at = min(deadline_at, math.inf if ended_at is None else ended_at)

    def close_window(self, now: float) -> None:
        """End the window, for no run is open; one that ended in time is left as it is.

        A run that ended by a clock that was ahead would mute until then.
        """
        if self.window_deadline_at is not None:
            self.window_deadline_at = min(self.window_deadline_at, now)
        if self.window_start_at is not None:
            self.window_start_at = min(self.window_start_at, now)

    def catch_up(self, last_runs: Iterable[LastRun]) -> None:
        """Count what ended when a listener died before it was counted, and close its window."""
        for last in last_runs:
            record = self.plans.get(last.plan)
            if record is not None and last.ended_at >= record.known_since_at:
                self.note(last)

    def note(self, last: LastRun, differences: Iterable[str] = ()) -> None:
        """Count a run that is over or was missed, once, and close its window."""
        record = self.plans.get(last.plan)
        if record is None or not record.note(last, differences) or last.run_id is None:
            return
        if self.window_deadline_at is not None:
            self.window_deadline_at = min(self.window_deadline_at, last.ended_at)

    def know(self, name: str, schedule: str, now: float) -> PlanRecord:
        """Return a plan's record; one with another schedule is known from now on.

        So is one that is known since a time to come: the clock was wrong then.
        """
        record = self.plans.get(name)
        if record is None:
            record = self.plans[name] = PlanRecord(schedule=schedule, known_since_at=now)
        elif record.schedule != schedule or record.known_since_at > now:
            record.schedule, record.known_since_at = schedule, now
        return record

    def to_document(self) -> dict[str, Any]:
        """Return what ``restore`` reads, JSON-able."""
        return {
            "plans": {name: attrs.asdict(record) for name, record in self.plans.items()},
            "downtime_seconds": _by_name(self.downtime_seconds),
            "memory_given_back": _by_name(self.memory_given_back),
            "window_start_at": self.window_start_at,
            "window_deadline_at": self.window_deadline_at,
        }

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> PlanRecords:
        """Read what ``to_document`` wrote. Raises TypeError or ValueError for nonsense."""
        plans = {
            name: PlanRecord(**{**record, "runs": Counter(record.get("runs", {}))})
            for name, record in document.get("plans", {}).items()
        }
        return cls(
            plans=plans,
            downtime_seconds=_by_namespec(document.get("downtime_seconds", {})),
            memory_given_back=_by_namespec(document.get("memory_given_back", {})),
            window_start_at=document.get("window_start_at"),
            window_deadline_at=document.get("window_deadline_at"),
        )


def _by_name(values: Mapping[Namespec, T]) -> dict[str, T]:
    return {namespec.qualified: value for namespec, value in values.items()}


def _by_namespec(values: Mapping[str, T]) -> dict[Namespec, T]:
    return {Namespec.parse(name): value for name, value in values.items()}
