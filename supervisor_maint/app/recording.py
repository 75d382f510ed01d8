"""Saving what must outlive the listener. A full disk stops the saving and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.app.ports import Ports
from supervisor_maint.app.totals import Totals
from supervisor_maint.errors import StoreError
from supervisor_maint.processes import (
    Namespec,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)
from supervisor_maint.snapshots.diff import Report
from supervisor_maint.snapshots.watch import Watch

logger = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class Recorder:
    """Writes to the history in the store's thread, and keeps what could not be written.

    Nothing is written while it is ``suspended``: what an earlier listener saved could not be
    read, and is not to be lost. ``hour_due`` is set while the hour's work is to be done.
    """

    ports: Ports
    watch: Watch
    totals: Totals
    keep_seconds: float = 90 * 86400.0
    max_bytes: int = 50 * 1024 * 1024
    suspended: bool = False
    hour_due: bool = False
    _meta: Mapping[str, Any] = attrs.field(init=False, factory=dict)
    _processes: Mapping[str, Mapping[str, Any] | None] = attrs.field(init=False, factory=dict)
    _last_before_hour: Snapshot | None = attrs.field(init=False, default=None)
    _failing: bool = attrs.field(init=False, default=False)

    async def save(self) -> None:
        """Save every change since the last save that was written, in one transaction.

        What it hands to the thread is never changed afterwards, and holds all that an unfinished
        save before it held: one may be begun while another is under way, or after it was
        cancelled.
        """
        changes = self.watch.take_changes()
        meta = {**self._meta, **changes.meta}
        processes = {**self._processes, **changes.processes}
        self._meta, self._processes = meta, processes
        self.totals.sinks.update({each.name: each.status() for each in self.ports.outlets})
        totals = self.totals.to_document()
        written = await self._write(self.ports.history.save_watch, meta, processes, totals=totals)
        if written and self._meta is meta:
            self._meta, self._processes = {}, {}

    async def keep_report(self, report: Report) -> None:
        """Keep a report for ``supervisor-maint history``."""
        await self._write(self.ports.history.add_report, report.made_at, report.to_document())

    async def keep_permissions(self, ended_at: float, document: Mapping[str, Any]) -> None:
        """Keep what a permission pass found, for ``supervisor-maint history``."""
        await self._write(self.ports.history.add_permissions, ended_at, document)

    def begin_hour(self, last: Snapshot | None) -> None:
        """Have the hour's work done with the next snapshot after this one."""
        self.hour_due = True
        self._last_before_hour = last

    def is_of_hour(self, snapshot: Snapshot) -> bool:
        """Tell whether the hour's work is to be done, with this snapshot."""
        return self.hour_due and snapshot is not self._last_before_hour

    async def keep_hour(
        self, snapshot: Snapshot, memory: Mapping[Namespec, int], now: float
    ) -> None:
        """Keep the hour's snapshot, and drop what is too old or too much."""
        self.hour_due = False
        self._last_before_hour = None
        document = snapshot_document(snapshot, memory)
        await self._write(self.ports.history.add_snapshot, snapshot.taken_at, "hourly", document)
        await self._write(
            self.ports.history.prune,
            now,
            keep_seconds=self.keep_seconds,
            max_bytes=self.max_bytes,
        )

    async def _write(self, function: Any, *args: Any, **kwargs: Any) -> bool:
        if self.suspended:
            return False
        try:
            await self.ports.store(function, *args, **kwargs)
        except StoreError as error:
            self.totals.store_errors["history"] += 1
            if not self._failing:
                logger.error("cannot save, and go on without: %s", error.msg)
            self._failing = True
            return False
        if self._failing:
            logger.info("saving works again")
        self._failing = False
        return True


def snapshot_document(snapshot: Snapshot, memory: Mapping[Namespec, int]) -> dict[str, Any]:
    """Return a snapshot as the history keeps it, JSON-able: a row a process."""
    return {
        "taken_at": snapshot.taken_at,
        "supervisord": list(snapshot.supervisord.identity),
        "processes": {
            namespec.qualified: {
                "state": status.state.name,
                "pid": status.pid,
                "started_at": status.started_at,
                "exit_status": status.exit_status,
                "resident_bytes": memory.get(namespec),
            }
            for namespec, status in snapshot.processes.items()
        },
    }


def snapshot_of(document: Mapping[str, Any]) -> tuple[Snapshot, dict[Namespec, int]]:
    """Read what ``snapshot_document`` wrote: the snapshot, and the memory in bytes."""
    pid, started_at = document["supervisord"]
    rows = {Namespec.parse(name): row for name, row in document["processes"].items()}
    statuses = [
        ProcessStatus(
            namespec=namespec,
            state=ProcessState[row["state"]],
            pid=row["pid"],
            started_at=row["started_at"],
            exit_status=row["exit_status"],
        )
        for namespec, row in rows.items()
    ]
    snapshot = Snapshot(
        taken_at=document["taken_at"],
        supervisord=Supervisord(pid=pid, started_at=started_at),
        processes=statuses,
    )
    memory = {
        namespec: row["resident_bytes"]
        for namespec, row in rows.items()
        if row["resident_bytes"] is not None
    }
    return snapshot, memory
