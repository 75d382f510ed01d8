"""Planned restarts as they stand while no listener runs: the settings and the journal tell."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from supervisor_maint.errors import StoreAbsent, StoreError
from supervisor_maint.maintenance import announcing, holds, windows
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.settings import Settings
from supervisor_maint.store.journal import read_journal
from supervisor_maint.store.records import JournalState
from supervisor_maint.store.state_dir import StateDir


def sentences(settings: Settings, now: float) -> Iterator[str]:
    """Yield a line for each plan and hold, and for the run that a listener left open."""
    try:
        journal = read_journal(StateDir(settings.maint.state_dir).journal)
    except StoreAbsent:
        journal = JournalState()
    except StoreError as error:
        yield f"holds and past runs are not known: {error.msg}"
        journal = JournalState()
    for plan in settings.plans:
        yield _about(plan, journal, settings, now)
    for hold in journal.holds:
        if hold not in holds.lapsed(journal.holds, now):
            yield holds.describe(hold, settings.maint.timezone)
    if journal.run is not None:
        yield f"run {journal.run['id']} is open: the next listener finishes it"
    if journal.needs_resume is not None:
        yield f"no run starts before supervisor-maint resume: {journal.needs_resume}"


def _about(plan: Plan, journal: JournalState, settings: Settings, now: float) -> str:
    zone = settings.maint.timezone if plan.schedule is None else ZoneInfo(plan.schedule.zone)
    last_run = journal.last_runs.get(plan.name)
    starts_at = windows.next_at(plan, last_run, now)
    return announcing.about_plan(plan.name, starts_at, last_run, zone=zone, now=now)
