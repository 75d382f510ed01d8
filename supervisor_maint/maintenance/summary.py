"""A run, told to programs (the file at MAINT_SUMMARY) and to people (a line in restart_log).

No I/O here. Names and meanings in the document stay: post steps of others read it. What is added
does not change ``version``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from statistics import mean
from typing import Any

from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.maintenance.target import Progress, Target

VERSION = 1
# An outcome, once nothing but the post steps can change it.
_RESULTS = {
    Phase.FINISHING: "succeeded",
    Phase.RECOVERING: "failed",
    Phase.SUCCEEDED: "succeeded",
    Phase.FAILED: "failed",
    Phase.SKIPPED: "skipped",
}


def result(run: Run) -> str | None:
    """Return succeeded, failed or skipped; None while the restart is still before us.

    To post steps it is what the run will be, if they do not fail themselves.
    """
    if run.phase is Phase.FINISHING and run.is_skipped:
        return "skipped"
    return _RESULTS.get(run.phase)


def document(run: Run, zone: tzinfo) -> dict[str, Any]:
    """Return what is known of a run, as JSON can hold it; times are ISO 8601 in the zone."""
    return {
        "version": VERSION,
        "run_id": run.id,
        "plan": run.plan.name,
        "result": result(run),
        "reason": run.reason,
        "notes": list(run.notes),
        "asked_by": run.asked_by,
        "cancelled_by": run.cancelled_by,
        "scheduled_at": _time(run.scheduled_at, zone),
        "created_at": _time(run.created_at, zone),
        "first_stop_at": _time(run.first_stop_at, zone),
        "deadline_at": _time(run.deadline_at, zone),
        "ended_at": _time(run.ended_at, zone),
        "processes": [_process(target) for target in run.targets or ()],
        "left_alone": [
            {"process": str(one.namespec), "reason": one.reason} for one in run.left_alone
        ],
        "steps": [
            {
                "phase": one.phase.value,
                "name": one.name,
                "attempt": one.attempt,
                "outcome": one.outcome.value,
                "reason": one.reason,
            }
            for one in run.steps
        ],
        "differences": list(run.differences),
    }


def downtime_seconds(target: Target) -> float | None:
    """Return how long a process was away because of the run; None when it was not, or still is."""
    if not target.was_stopped or target.stop is None or target.back_at is None:
        return None
    return max(0.0, target.back_at - target.stop.first_asked_at)


def line(run: Run, zone: tzinfo, now: float) -> str:
    """Return the one line about a run that is over, without a line end."""
    asked = "" if run.asked_by is None else f" (asked for by {run.asked_by})"
    told = f"{run.plan.name} {result(run) or run.phase.value}{asked}"
    parts = [told + _took(run, now), *_restarted(run.targets or ()), _why(run), f"run {run.id}"]
    text = f"{_time(run.ended_at or now, zone)} {'; '.join(part for part in parts if part)}"
    return "".join(char if char.isprintable() else " " for char in text)


def _process(target: Target) -> dict[str, Any]:
    return {
        "process": str(target.namespec),
        "progress": target.progress.value,
        "reason": target.reason,
        "downtime_seconds": downtime_seconds(target),
    }


def _took(run: Run, now: float) -> str:
    if run.first_stop_at is None:
        return ""
    return f" in {max(0.0, (run.ended_at or now) - run.first_stop_at):.1f} s"


def _restarted(targets: Sequence[Target]) -> list[str]:
    if not any(target.stop is not None for target in targets):
        return []
    done = sum(target.progress is Progress.DONE for target in targets)
    told = f"{done} of {len(targets)} restarted"
    downtimes = [seconds for target in targets if (seconds := downtime_seconds(target)) is not None]
    if downtimes:
        told += f", down {mean(downtimes):.1f} s on average and {max(downtimes):.1f} s at most"
    return [told]


def _why(run: Run) -> str:
    more = len(run.differences)
    found = f"{more} difference{'s' if more > 1 else ''} to before" if more else ""
    return "; ".join(part for part in (run.reason, found) if part)


def _time(moment_at: float | None, zone: tzinfo) -> str | None:
    if moment_at is None:
        return None
    return datetime.fromtimestamp(moment_at, zone).isoformat(timespec="seconds")
