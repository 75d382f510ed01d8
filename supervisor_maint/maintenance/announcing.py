"""What people are told of a plan, in one sentence. No I/O here."""

from __future__ import annotations

from datetime import tzinfo

from supervisor_maint import moments
from supervisor_maint.store.records import LastRun


def about_plan(
    name: str, starts_at: float | None, last_run: LastRun | None, *, zone: tzinfo, now: float
) -> str:
    """Say when a plan runs next, and how it went the last time.

    ``starts_at`` is None for a plan without a schedule. Times are told in ``zone``.
    """
    starts = "on request only"
    if starts_at is not None:
        due = "due since" if starts_at <= now else "next run"
        starts = f"{due} {moments.show(starts_at, zone)}"
    if last_run is None:
        return f"plan {name}: {starts}; never ran"
    why = f": {last_run.reason}" if last_run.reason else ""
    last = f"last {last_run.outcome} {moments.show(last_run.ended_at, zone)}"
    return f"plan {name}: {starts}; {last}{why}"
