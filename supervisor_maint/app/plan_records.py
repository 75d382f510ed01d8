"""What is remembered of each plan for the metrics and the estimates. No I/O here.

It is saved with the listener's own counters; what a crash must not lose is in the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from supervisor_maint.processes import Namespec

if TYPE_CHECKING:
    from supervisor_maint.maintenance.run import Run

OUTCOMES = ("succeeded", "failed", "skipped")


@attrs.define(kw_only=True)
class PlanRecord:
    """How a plan went so far; times are seconds since the epoch, None for never.

    ``known_since_at`` is when it was first seen with this ``schedule``: nothing that was
    scheduled before counts as missed.
    """

    schedule: str
    known_since_at: float
    runs: Counter[str] = attrs.field(factory=lambda: Counter(dict.fromkeys(OUTCOMES, 0)))
    last_start_at: float | None = None
    last_completion_at: float | None = None
    last_success_at: float | None = None
    last_duration_seconds: float | None = None

    def note(self, run: Run) -> None:
        """Take a run that is over."""
        outcome = run.phase.value
        self.runs[outcome] += 1
        if outcome == "skipped":
            return
        ended_at = run.phase_since_at if run.ended_at is None else run.ended_at
        self.last_start_at = run.created_at
        self.last_completion_at = ended_at
        self.last_duration_seconds = max(ended_at - run.created_at, 0.0)
        if outcome == "succeeded":
            self.last_success_at = ended_at


@attrs.define
class PlanRecords:
    """The record of every plan there ever was, and the last run's downtime of each process."""

    plans: dict[str, PlanRecord] = attrs.field(factory=dict)
    downtime_seconds: dict[Namespec, float] = attrs.field(factory=dict)
    window_deadline_at: float | None = None

    def know(self, name: str, schedule: str, now: float) -> PlanRecord:
        """Return a plan's record; one with another schedule is known from now on."""
        record = self.plans.get(name)
        if record is None:
            record = self.plans[name] = PlanRecord(schedule=schedule, known_since_at=now)
        elif record.schedule != schedule:
            record.schedule, record.known_since_at = schedule, now
        return record

    def to_document(self) -> dict[str, Any]:
        """Return what ``restore`` reads, JSON-able."""
        return {
            "plans": {name: attrs.asdict(record) for name, record in self.plans.items()},
            "downtime_seconds": {
                namespec.qualified: seconds for namespec, seconds in self.downtime_seconds.items()
            },
            "window_deadline_at": self.window_deadline_at,
        }

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> PlanRecords:
        """Read what ``to_document`` wrote. Raises TypeError or ValueError for nonsense."""
        plans = {
            name: PlanRecord(**{**record, "runs": Counter(record["runs"])})
            for name, record in document.get("plans", {}).items()
        }
        downtime = document.get("downtime_seconds", {})
        return cls(
            plans=plans,
            downtime_seconds={Namespec.parse(name): value for name, value in downtime.items()},
            window_deadline_at=document.get("window_deadline_at"),
        )
