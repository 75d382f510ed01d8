"""When plans run next, from their schedules, the journal and what is remembered. No I/O here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import attrs

from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.plan_records import PlanRecord, PlanRecords
from supervisor_maint.maintenance import windows
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.windows import Due, Missed, NotYet
from supervisor_maint.store.records import LastRun

# The hourly work waits while a run is this close: 03:00 Asia/Tokyo is a TICK_3600.
CLOSE_SECONDS = 60.0


@attrs.frozen
class _Known:
    """That there is nothing to do before the next time; found out in 1 to 2 ms of the loop."""

    window: NotYet
    plan: Plan
    last_run: LastRun | None
    known_since_at: float
    since_at: float

    def holds(
        self, plan: Plan, last_run: LastRun | None, known_since_at: float, now: float
    ) -> bool:
        """Tell whether it is so still."""
        is_same = plan is self.plan and last_run == self.last_run
        next_at = math.inf if self.window.next_at is None else self.window.next_at
        return is_same and known_since_at == self.known_since_at and self.since_at <= now < next_at


@attrs.define(kw_only=True)
class Timetable:
    """The plans of the settings, in their order, and what each is to do now."""

    journal: JournalKeeper
    records: PlanRecords
    plans: tuple[Plan, ...] = ()
    _known: dict[str, _Known] = attrs.field(init=False, factory=dict)

    def set_plans(self, plans: Sequence[Plan], now: float) -> None:
        """Take other plans; of a new one, or a new schedule, nothing before now is missed."""
        self.plans = tuple(plans)
        for plan in plans:
            self.record_of(plan, now)

    def record_of(self, plan: Plan, now: float) -> PlanRecord:
        """Return what is remembered of a plan."""
        return self.records.know(plan.name, str(plan.schedule), now)

    def window(self, plan: Plan, now: float) -> windows.Window:
        """Tell what a plan's schedule asks for now."""
        last_run = self.journal.state.last_runs.get(plan.name)
        known_since_at = self.record_of(plan, now).known_since_at
        known = self._known.get(plan.name)
        if known is not None and known.holds(plan, last_run, known_since_at, now):
            return known.window
        window = windows.due(plan, last_run, known_since_at, now)
        if isinstance(window, NotYet):
            self._known[plan.name] = _Known(window, plan, last_run, known_since_at, now)
        return window

    def next_starts(self, now: float) -> Mapping[str, float]:
        """Return when each scheduled plan runs next: now or earlier for one that is due."""
        return {plan.name: at for plan, _, at in self._starts(now)}

    def start_bys(self, next_starts: Mapping[str, float]) -> Mapping[str, float]:
        """Return until when the runs that are due next may begin."""
        return {
            plan.name: next_starts[plan.name] + plan.start_within_seconds
            for plan in self.plans
            if plan.name in next_starts
        }

    def is_close(self, now: float) -> bool:
        """Tell whether a run is due, or within a minute."""
        return any(
            isinstance(window, Due) or (isinstance(window, NotYet) and at - now <= CLOSE_SECONDS)
            for _, window, at in self._starts(now)
        )

    def _starts(self, now: float) -> Iterator[tuple[Plan, windows.Window, float]]:
        for plan in self.plans:
            window = self.window(plan, now)
            if isinstance(window, (Due, Missed)):
                yield plan, window, window.scheduled_at
            elif window.next_at is not None:
                yield plan, window, window.next_at

    def find(self, name: str | None) -> tuple[Plan | None, str]:
        """Find the plan of this name, the only one without; or tell why there is none."""
        names = ", ".join(plan.name for plan in self.plans) or "none; add a [maintenance:NAME]"
        if name is None:
            if len(self.plans) == 1:
                return self.plans[0], ""
            return None, f"expected the name of a plan, known are: {names}; nothing was changed"
        found = next((plan for plan in self.plans if plan.name == name), None)
        return found, f"there is no plan {name!r}, known are: {names}; nothing was changed"
