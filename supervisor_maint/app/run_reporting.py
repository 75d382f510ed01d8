"""What the metrics and the clients are shown of planned runs. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import attrs

from supervisor_maint import moments
from supervisor_maint.app.outlook import Outlook
from supervisor_maint.maintenance import announcing, holds
from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.maintenance.target import Target
from supervisor_maint.monitoring.facts import PlanFacts
from supervisor_maint.store.records import Hold

if TYPE_CHECKING:
    from supervisor_maint.app.maintaining import Maintenance

# Enough for a client that looks ten times a second to miss no line of a rolling run.
STORY_LINES_SHOWN = 200


def plan_facts(maintenance: Maintenance, now: float) -> tuple[PlanFacts, ...]:
    """Return the facts of every plan of the settings, and of one that was removed in its run."""
    starts = maintenance.next_starts(now)
    start_bys = maintenance.timetable.start_bys(starts)
    active = maintenance.conductor.active_run
    names = [plan.name for plan in maintenance.timetable.plans]
    if active is not None and active.plan.name not in names:
        names.append(active.plan.name)
    records = maintenance.totals.plans.plans
    return tuple(
        PlanFacts(
            name=name,
            in_progress=active is not None and active.plan.name == name and active.has_begun,
            next_start_at=starts.get(name),
            start_by_at=start_bys.get(name),
            last_start_at=records[name].last_start_at,
            last_completion_at=records[name].last_completion_at,
            last_success_at=records[name].last_success_at,
            last_duration_seconds=records[name].last_duration_seconds,
            runs=dict(records[name].runs),
        )
        for name in names
        if name in records
    )


def document(maintenance: Maintenance, now: float) -> dict[str, Any]:
    """Return what the published status says of planned runs, JSON-able."""
    run = maintenance.conductor.run
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
        "holds": [attrs.asdict(hold) for hold in _lasting(maintenance, now)],
        "problem": maintenance.journal.problem,
        "silence": _silence_document(maintenance),
        "run": None if run is None else _run_document(maintenance, run),
    }


def sentences(maintenance: Maintenance, now: float) -> Iterator[str]:
    """Yield a line for each plan, each hold, the run, and what keeps runs from starting."""
    for facts in plan_facts(maintenance, now):
        yield _about_plan(maintenance, facts, now)
    for hold in _lasting(maintenance, now):
        yield holds.describe(hold, maintenance.zone)
    if maintenance.journal.problem is not None:
        yield f"no run starts: {maintenance.journal.problem}{_cure(maintenance)}"
    run = maintenance.conductor.active_run
    if run is not None:
        yield from _about_run(maintenance, run)
    yield from _about_silence(maintenance)


def _about_plan(maintenance: Maintenance, facts: PlanFacts, now: float) -> str:
    zone = _zone_of(maintenance, facts.name)
    last_run = maintenance.journal.state.last_runs.get(facts.name)
    return announcing.about_plan(facts.name, facts.next_start_at, last_run, zone=zone, now=now)


def _zone_of(maintenance: Maintenance, name: str) -> tzinfo:
    """Return the zone that the plan's schedule is meant in, else that of the settings."""
    plan, _ = maintenance.timetable.find(name)
    if plan is None or plan.schedule is None:
        return maintenance.zone
    return ZoneInfo(plan.schedule.zone)


def _about_run(maintenance: Maintenance, run: Run) -> Iterator[str]:
    why = f": {run.reason}" if run.reason else ""
    began = moments.show(run.created_at, maintenance.zone)
    restarted = sum(target.back_at is not None for target in run.targets or ())
    count = f", {restarted} of {len(run.targets)} restarted" if run.targets else ""
    yield f"run {run.id} of {run.plan.name}: {run.phase.value}, began {began}{count}{why}"
    if run.phase is Phase.PENDING:
        for blocker in run.blockers:
            yield f"run {run.id} waits: {blocker}"


def _about_silence(maintenance: Maintenance) -> Iterator[str]:
    silence, trouble = maintenance.announcer.silence, maintenance.announcer.trouble
    if silence is not None:
        until = moments.show(silence.ends_at, maintenance.zone)
        yield f"alerts are silenced until {until}: silence {silence.id}"
    if trouble is not None:
        yield f"alerts may not be silenced: {trouble}"


def _silence_document(maintenance: Maintenance) -> dict[str, Any] | None:
    silence = maintenance.announcer.silence
    return None if silence is None else {"id": silence.id, "ends_at": silence.ends_at}


def _cure(maintenance: Maintenance) -> str:
    journal = maintenance.journal
    is_curable = journal.problem == journal.blocked_because
    return "; look, then: supervisor-maint resume" if is_curable else ""


def _lasting(maintenance: Maintenance, now: float) -> list[Hold]:
    kept = maintenance.journal.state.holds
    return [hold for hold in kept if hold not in holds.lapsed(kept, now)]


def _run_document(maintenance: Maintenance, run: Run) -> dict[str, Any]:
    """Return the run under way or the last one of this listener."""
    outlook = maintenance.keeper.outlook(run)
    return {
        "id": run.id,
        "plan": run.plan.name,
        "phase": run.phase.value,
        "created_at": run.created_at,
        "first_stop_at": run.first_stop_at,
        "deadline_at": run.deadline_at,
        "ended_at": run.ended_at,
        "expected_seconds": None if outlook is None else outlook.run_seconds,
        "scheduled_at": run.scheduled_at,
        "asked_by": run.asked_by,
        "reason": run.reason,
        "notes": list(run.notes),
        "blockers": list(run.blockers),
        "targets": [] if outlook is None else list(_targets(run, outlook)),
        "story": maintenance.conductor.story.to_document(newest=STORY_LINES_SHOWN),
    }


def _targets(run: Run, outlook: Outlook) -> Iterator[dict[str, Any]]:
    for target in run.targets or ():
        yield {
            "process": str(target.namespec),
            "batch": outlook.batches.get(target.namespec),
            "progress": target.progress.value,
            "reason": target.reason,
            "stopped_at": _stopped_at(target),
            "back_at": target.back_at,
            "expected_seconds": outlook.seconds[target.namespec],
        }


def _stopped_at(target: Target) -> float | None:
    return target.stop.first_asked_at if target.stop is not None and target.was_stopped else None
