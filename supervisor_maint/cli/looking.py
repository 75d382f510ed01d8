"""What the commands look at: supervisord itself, and what the listener saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from supervisor_maint.cli.connecting import client
from supervisor_maint.errors import StoreAbsent, StoreError
from supervisor_maint.maintenance import estimates
from supervisor_maint.processes import Namespec, Snapshot
from supervisor_maint.settings import Settings
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.store.history_reader import HistoryReader
from supervisor_maint.store.journal import read_journal
from supervisor_maint.store.records import LastRun
from supervisor_maint.store.state_dir import StateDir


def snapshot(settings: Settings) -> Snapshot:
    """Ask supervisord for every process. Raises MaintError."""
    with client(settings) as supervisor:
        return supervisor.snapshot()


def restored(settings: Settings, now: float) -> Watch:
    """Return the watch as the listener last saved it; an empty one when it never did."""
    try:
        with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
            saved = history.load_watch()
    except StoreAbsent:
        saved = None
    meta, processes = saved or ({}, {})
    return Watch.restore(
        meta,
        processes,
        started_at=now,
        settle_seconds=settings.maint.settle_seconds,
        settle_max_seconds=settings.maint.settle_max_seconds,
    )


def past_downtimes(settings: Settings) -> Mapping[Namespec, Sequence[float]]:
    """Return how long each process was away in past runs, in seconds, the newest last."""
    found: dict[Namespec, list[float]] = {}
    try:
        with HistoryReader.open(StateDir(settings.maint.state_dir).history) as history:
            runs = list(history.runs(estimates.REMEMBERED))
    except StoreAbsent:
        runs = []
    for run in reversed(runs):
        for name, seconds in run.document.get("downtime_seconds", {}).items():
            found.setdefault(Namespec.parse(name), []).append(seconds)
    return found


def last_runs(settings: Settings) -> Mapping[str, LastRun]:
    """Return how each plan ran last, by its name; nothing where the journal cannot be read."""
    try:
        return read_journal(StateDir(settings.maint.state_dir).journal).last_runs
    except StoreError:
        return {}
