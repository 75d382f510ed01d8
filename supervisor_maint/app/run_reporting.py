"""What the metrics and the clients are shown of planned runs. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from typing import Any, Callable
from zoneinfo import ZoneInfo

import attrs

from supervisor_maint import moments
from supervisor_maint.app.announcing import Announcer
from supervisor_maint.app.conducting import Conductor
from supervisor_maint.app.journal_keeping import JournalKeeper
from supervisor_maint.app.outlook import Outlook
from supervisor_maint.app.plan_records import PlanRecords
from supervisor_maint.app.run_keeping import RunKeeper
from supervisor_maint.app.timetable import Timetable
from supervisor_maint.maintenance import announcing, holds
from supervisor_maint.maintenance.run import Phase, Run
from supervisor_maint.maintenance.target import Target
from supervisor_maint.monitoring.facts import PlanFacts
from supervisor_maint.store.records import Hold

# Enough for a client that looks ten times a second to miss no line of a rolling run.
STORY_LINES_SHOWN = 200


@attrs.frozen(kw_only=True)
class RunReporter:
    """Looks at the parts of the maintenance and says what they know.

    ``zone`` is the one that people are shown times in.
    """

    journal: JournalKeeper
    timetable: Timetable
    conductor: Conductor
    keeper: RunKeeper
    announcer: Announcer
    records: PlanRecords
    zone: Callable[[], tzinfo]

    def plan_facts(self, now: float) -> tuple[PlanFacts, ...]:
        """Return the facts of every plan of the settings, and of one removed during its run."""
        starts = self.timetable.next_starts(now)
        start_bys = self.timetable.start_bys(starts)
        active = self.conductor.active_run
        names = [plan.name for plan in self.timetable.plans]
        if active is not None and active.plan.name not in names:
            names.append(active.plan.name)
        records = self.records.plans
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
                differences=dict(records[name].differences),
            )
            for name in names
            if name in records
        )

    def document(self, now: float) -> dict[str, Any]:
        """Return what the published status says of planned runs, JSON-able."""
        run, plans = self.conductor.run, self.plan_facts(now)
        return {
            "plans": {
                facts.name: {
                    "next_start_at": facts.next_start_at,
                    "last_completion_at": facts.last_completion_at,
                    "runs": dict(facts.runs),
                }
                for facts in plans
            },
            "sentences": list(self._sentences(plans, now)),
            "holds": [attrs.asdict(hold) for hold in self._lasting(now)],
            "problem": self.journal.problem,
            "silence": self._silence_document(),
            "run": None if run is None else self._run_document(run),
        }

    def _sentences(self, plans: Iterable[PlanFacts], now: float) -> Iterator[str]:
        """Yield a line for each plan, each hold, the run, and what keeps runs from starting."""
        for facts in plans:
            yield self._about_plan(facts, now)
        for hold in self._lasting(now):
            yield holds.describe(hold, self.zone())
        if self.journal.problem is not None:
            yield f"no run starts: {self.journal.problem}{self._cure()}"
        run = self.conductor.active_run
        if run is not None:
            yield from self._about_run(run)
        yield from self._about_silence()

    def _about_plan(self, facts: PlanFacts, now: float) -> str:
        zone = self._zone_of(facts.name)
        last_run = self.journal.state.last_runs.get(facts.name)
        return announcing.about_plan(facts.name, facts.next_start_at, last_run, zone=zone, now=now)

    def _zone_of(self, name: str) -> tzinfo:
        """Return the zone that the plan's schedule is meant in, else that of the settings."""
        plan, _ = self.timetable.find(name)
        if plan is None or plan.schedule is None:
            return self.zone()
        return ZoneInfo(plan.schedule.zone)

    def _about_run(self, run: Run) -> Iterator[str]:
        why = f": {run.reason}" if run.reason else ""
        began = moments.show(run.created_at, self.zone())
        restarted = sum(target.back_at is not None for target in run.targets or ())
        count = f", {restarted} of {len(run.targets)} restarted" if run.targets else ""
        yield f"run {run.id} of {run.plan.name}: {run.phase.value}, began {began}{count}{why}"
        if run.phase is Phase.PENDING:
            for blocker in run.blockers:
                yield f"run {run.id} waits: {blocker}"

    def _about_silence(self) -> Iterator[str]:
        silence, trouble = self.announcer.silence, self.announcer.trouble
        if silence is not None:
            until = moments.show(silence.ends_at, self.zone())
            yield f"alerts are silenced until {until}: silence {silence.id}"
        if trouble is not None:
            yield f"alerts may not be silenced: {trouble}"

    def _silence_document(self) -> dict[str, Any] | None:
        silence = self.announcer.silence
        return None if silence is None else {"id": silence.id, "ends_at": silence.ends_at}

    def _cure(self) -> str:
        journal = self.journal
        is_curable = journal.problem == journal.blocked_because
        return "; look, then: supervisor-maint resume" if is_curable else ""

    def _lasting(self, now: float) -> list[Hold]:
        kept = self.journal.state.holds
        return [hold for hold in kept if hold not in holds.lapsed(kept, now)]

    def _run_document(self, run: Run) -> dict[str, Any]:
        """Return the run under way or the last one of this listener."""
        outlook = self.keeper.outlook(run)
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
            "story": self.conductor.story.to_document(newest=STORY_LINES_SHOWN),
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
