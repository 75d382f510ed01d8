"""Whether a plan's run is due: one run for each scheduled time, whatever restarts meanwhile.

No I/O here. Nothing is remembered but the journal's ``LastRun``: whoever restarts, however often,
and whichever way the clock jumps, a scheduled time that was dealt with never comes again.
"""

from __future__ import annotations

import math
from typing import Union

import attrs

from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.store.records import LastRun


@attrs.frozen
class Due:
    """The run of a scheduled time may begin now, and until ``start_by_at``."""

    scheduled_at: float
    start_by_at: float


@attrs.frozen
class NotYet:
    """Nothing to do before the next scheduled time; None when the plan has no schedule."""

    next_at: float | None


@attrs.frozen
class Missed:
    """A scheduled time passed without a run: to be recorded as skipped, once."""

    scheduled_at: float
    reason: str


Window = Union[Due, NotYet, Missed]

# A clock that is off by more than this was wrong, and is not being corrected.
WRONG_CLOCK_SECONDS = 7 * 86400.0


def due(plan: Plan, last_run: LastRun | None, known_since_at: float, now: float) -> Window:
    """Tell what a plan's schedule asks for now.

    ``known_since_at`` is when the plan was first seen with this schedule: what was scheduled
    before is not missed. Of several times missed only the newest counts. A time dealt with that
    lies far ahead is none: the clock was wrong then, and nobody knows what was missed.
    """
    if plan.schedule is None:
        return NotYet(None)
    if last_run is not None and _is_of_a_wrong_clock(plan, last_run, now):
        in_time_at = math.nextafter(now - plan.start_within_seconds, -math.inf)
        last_run, known_since_at = None, max(known_since_at, in_time_at)
    scheduled_at = plan.schedule.latest_before(now)
    if scheduled_at is None or scheduled_at <= known_since_at:
        return NotYet(next_at(plan, last_run, now))
    if last_run is not None and _is_dealt_with(plan, last_run, scheduled_at):
        return NotYet(next_at(plan, last_run, now))
    start_by_at = scheduled_at + plan.start_within_seconds
    if now > start_by_at:
        return Missed(scheduled_at, _too_late(plan, now - scheduled_at))
    return Due(scheduled_at, start_by_at)


def next_at(plan: Plan, last_run: LastRun | None, now: float) -> float | None:
    """Return the next scheduled time that no run has dealt with yet; None without a schedule."""
    if plan.schedule is None:
        return None
    dealt_with_at = None
    if last_run is not None and not _is_of_a_wrong_clock(plan, last_run, now):
        dealt_with_at = last_run.scheduled_at
    return plan.schedule.next_after(now if dealt_with_at is None else max(now, dealt_with_at))


def dealt_with_by_hand(plan: Plan, ended_at: float) -> float | None:
    """Return the newest scheduled time that a run counts as which somebody had asked for.

    It ended later than ``start_within`` before that; None without a schedule.
    """
    if plan.schedule is None:
        return None
    before_at = math.nextafter(ended_at + plan.start_within_seconds, -math.inf)
    return plan.schedule.latest_before(before_at)


def _is_of_a_wrong_clock(plan: Plan, last_run: LastRun, now: float) -> bool:
    latest_at = now + plan.start_within_seconds + WRONG_CLOCK_SECONDS
    return last_run.scheduled_at is not None and last_run.scheduled_at > latest_at


def _is_dealt_with(plan: Plan, last_run: LastRun, scheduled_at: float) -> bool:
    if last_run.scheduled_at is not None and last_run.scheduled_at >= scheduled_at:
        return True
    counts = last_run.is_manual and last_run.outcome != "skipped"
    return counts and last_run.ended_at > scheduled_at - plan.start_within_seconds


def _too_late(plan: Plan, seconds: float) -> str:
    return (
        f"it could not begin within start_within ({plan.start_within_seconds:g} s): "
        f"the listener came to it {seconds:.0f} s after the scheduled time"
    )
