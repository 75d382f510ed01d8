"""Holds: somebody said that a plan, or every plan, shall not start. No I/O here.

A hold is journalled before it is confirmed, and only a journalled one counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timezone, tzinfo

from supervisor_maint import moments
from supervisor_maint.store.records import Hold

# What lasts longer than ten years has no end: then none is given.
_LONGEST_HOLD_SECONDS = 10 * 366 * 86400.0
_LONGEST_REASON = 1000


def find(holds: Iterable[Hold], plan: str, now: float) -> Hold | None:
    """Return a hold that keeps a plan from starting now, None when there is none."""
    return next((hold for hold in holds if hold.covers(plan, now)), None)


def lapsed(holds: Iterable[Hold], now: float) -> tuple[Hold, ...]:
    """Return the holds that are over, so that the journal can forget them."""
    return tuple(hold for hold in holds if hold.until_at is not None and now >= hold.until_at)


def latest_end(holds: Iterable[Hold], now: float) -> float | None:
    """Return when the last hold that still lasts ends; infinity for one without an end.

    None when nothing is held: the metric ``supervisor_maint_hold_until_timestamp_seconds``.
    """
    lasting = [hold.until_at for hold in holds if hold.until_at is None or now < hold.until_at]
    if not lasting:
        return None
    return max(float("inf") if until_at is None else until_at for until_at in lasting)


def describe(hold: Hold, zone: tzinfo = timezone.utc) -> str:
    """Say who holds what, until when and why, in one sentence."""
    until = (
        "until somebody resumes"
        if hold.until_at is None
        else f"until {moments.show(hold.until_at, zone)}"
    )
    by = f" by {hold.asked_by}" if hold.asked_by else ""
    why = f": {hold.reason}" if hold.reason else ""
    return f"{hold.plan or 'every plan'} is held {until}{by}{why}"


def refusal(reason: object, until_at: object, now: float) -> str:
    """Say what is wrong with what somebody wants to hold, empty when nothing is."""
    if not isinstance(reason, str) or len(reason) > _LONGEST_REASON:
        return f"expected a reason of at most {_LONGEST_REASON} characters, found {reason!r:.80}"
    if until_at is None:
        return ""
    if isinstance(until_at, bool) or not isinstance(until_at, (int, float)):
        return f"expected seconds since the epoch as the end of the hold, found {until_at!r:.80}"
    if not now < until_at <= now + _LONGEST_HOLD_SECONDS:
        return "expected an end of the hold that is to come, and within ten years"
    return ""
