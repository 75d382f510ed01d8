"""What the metrics and the clients are shown of planned runs. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import attrs

from supervisor_maint import moments
from supervisor_maint.app.conducting import Conductor, story_document
from supervisor_maint.maintenance import holds
from supervisor_maint.maintenance.run import Run
from supervisor_maint.maintenance.target import Target
from supervisor_maint.monitoring.facts import PlanFacts

if TYPE_CHECKING:
    from supervisor_maint.app.maintaining import Maintenance

# Enough for a client that looks ten times a second to miss no line of a rolling run.
STORY_LINES_SHOWN = 200


def plan_facts(maintenance: Maintenance, now: float) -> tuple[PlanFacts, ...]:
    """Return the facts of every plan that the settings have."""
    starts = maintenance.next_starts(now)
    active = _active_plan(maintenance)
    records = [(plan.name, maintenance.record_of(plan)) for plan in maintenance.plans]
    return tuple(
        PlanFacts(
            name=name,
            in_progress=name == active,
            next_start_at=starts.get(name),
            last_start_at=record.last_start_at,
            last_completion_at=record.last_completion_at,
            last_success_at=record.last_success_at,
            last_duration_seconds=record.last_duration_seconds,
            runs=dict(record.runs),
        )
        for name, record in records
    )


def document(maintenance: Maintenance, now: float) -> dict[str, Any]:
    """Return what the published status says of planned runs, JSON-able."""
    return {
        "plans": {
            facts.name: {
                "next_start_at": facts.next_start_at,
                "last_completion_at": facts.last_completion_at,
                "runs": dict(facts.runs),
            }
            for facts in plan_facts(maintenance, now)
        },
        "sentences": list(sentences(maintenance, now)),
        "holds": [attrs.asdict(hold) for hold in maintenance.journal.state.holds],
        "problem": maintenance.journal.problem or maintenance.journal.blocked_because,
        "run": _run_document(maintenance.conductor),
    }


def sentences(maintenance: Maintenance, now: float) -> Iterator[str]:
    """Yield a line for each plan, each hold, the run, and what keeps runs from starting."""
    zone = maintenance.zone
    for facts in plan_facts(maintenance, now):
        starts = "on request only"
        if facts.next_start_at is not None:
            starts = f"next run {moments.show(facts.next_start_at, zone)}"
        counted = ", ".join(f"{count} {outcome}" for outcome, count in facts.runs.items() if count)
        yield f"plan {facts.name}: {starts}; so far {counted or 'none'}"
    lapsed = holds.lapsed(maintenance.journal.state.holds, now)
    for hold in maintenance.journal.state.holds:
        if hold not in lapsed:
            yield holds.describe(hold, zone)
    if maintenance.journal.problem is not None:
        yield f"no run starts without a journal: {maintenance.journal.problem}"
    problem = maintenance.journal.blocked_because
    if problem is not None:
        yield f"no run starts until somebody resumes: {problem}"
    run = maintenance.conductor.run
    if run is not None:
        why = f": {run.reason}" if run.reason else ""
        since = moments.show(run.phase_since_at, zone)
        yield f"run {run.id} of {run.plan.name}: {run.phase.value} since {since}{why}"


def _active_plan(maintenance: Maintenance) -> str | None:
    run = maintenance.conductor.run
    return run.plan.name if run is not None and maintenance.conductor.is_active else None


def _run_document(conductor: Conductor) -> dict[str, Any] | None:
    """Return the run under way or the last one of this listener."""
    run = conductor.run
    if run is None:
        return None
    return {
        "id": run.id,
        "plan": run.plan.name,
        "phase": run.phase.value,
        "created_at": run.created_at,
        "scheduled_at": run.scheduled_at,
        "asked_by": run.asked_by,
        "deadline_at": run.deadline_at,
        "ended_at": run.ended_at,
        "reason": run.reason,
        "blockers": list(run.blockers),
        "targets": [_target_document(target) for target in _targets(run)],
        "story": story_document(list(conductor.story)[-STORY_LINES_SHOWN:]),
    }


def _targets(run: Run) -> Iterable[Target]:
    return run.targets or ()


def _target_document(target: Target) -> dict[str, Any]:
    return {
        "process": target.namespec.qualified,
        "progress": target.progress.value,
        "reason": target.reason,
    }
