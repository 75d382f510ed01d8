"""What is kept of a run: its snapshots, its differences, and its record for the history."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from supervisor_maint.app.conducting import Line, story_document
from supervisor_maint.app.plan_records import PlanRecords
from supervisor_maint.app.recording import snapshot_document, snapshot_of
from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.effects import Memory
from supervisor_maint.errors import MaintError, StoreError
from supervisor_maint.maintenance import summary
from supervisor_maint.maintenance.actions import When
from supervisor_maint.maintenance.observation import AfterTaken, BeforeTaken, NotTaken, Result
from supervisor_maint.maintenance.run import Run
from supervisor_maint.processes import Namespec, Snapshot
from supervisor_maint.snapshots.diff import Difference
from supervisor_maint.snapshots.rundiff import Measured, run_diff

logger = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class RunKeeper:
    """Takes a run's two snapshots, compares them, and keeps the run in the history."""

    ports: RunPorts
    memory: Callable[[], Memory | None]
    records: PlanRecords
    before: Snapshot | None = None
    after: Snapshot | None = None
    resident_before: Mapping[Namespec, int] = attrs.field(factory=dict)
    resident_after: Mapping[Namespec, int] = attrs.field(factory=dict)
    differences: tuple[Difference, ...] = ()
    _unsaved: tuple[Run, Mapping[str, Any]] | None = attrs.field(init=False, default=None)

    async def take(self, run: Run, when: When) -> Result:
        """Take the ``before`` or the ``after`` snapshot of a run."""
        try:
            if when is When.BEFORE:
                return await self._take_before(run)
            return await self._take_after(run)
        except MaintError as error:
            return NotTaken(when=when, reason=error.msg)

    async def reopen(self, run: Run) -> None:
        """Find again what an earlier listener saw before it died."""
        self._forget()
        try:
            records = await self.ports.store(self.ports.history.runs, 1)
        except StoreError as error:
            logger.warning("cannot read what was before the run: %s", error.msg)
            return
        for record in records:
            if record.name == run.id and record.document.get("before"):
                self.before, self.resident_before = snapshot_of(record.document["before"])

    async def keep(self, run: Run, story: Sequence[Line]) -> None:
        """Keep a run that is over, with its story; a full disk is logged and no more."""
        self.records.know(run.plan.name, str(run.plan.schedule), run.created_at).note(run)
        self.records.downtime_seconds = self.downtimes(run)
        await self._save(run, {**self._document(run), "story": story_document(story)})
        try:
            await self.ports.store(self.ports.log_line, run)
        except OSError as error:
            logger.error("cannot write the restart log: %s", error)

    def downtimes(self, run: Run) -> dict[Namespec, float]:
        """Return how long each process of the run was away, in seconds; only of those back."""
        found = {target.namespec: summary.downtime_seconds(target) for target in run.targets or ()}
        return {namespec: seconds for namespec, seconds in found.items() if seconds is not None}

    async def _take_before(self, run: Run) -> Result:
        self._forget()
        supervisor = self.ports.supervisor()
        self.before = await self.ports.act(supervisor.snapshot)
        configs = await self.ports.act(supervisor.configs)
        pools = await self.ports.probing(self.ports.pools)
        self.resident_before = await self._measure(self.before)
        await self._save(run, self._document(run))
        return BeforeTaken(snapshot=self.before, configs=configs, pools=pools)

    async def _take_after(self, run: Run) -> Result:
        self.after = await self.ports.act(self.ports.supervisor().snapshot)
        self.resident_after = await self._measure(self.after)
        if self.before is None:
            return NotTaken(When.AFTER, "what was before the run is lost")
        targets = run.targets or ()
        self.differences = run_diff(
            self.before,
            self.after,
            restarted=[target.namespec for target in targets if target.was_stopped],
            measured={target.namespec: self._measured(target.namespec) for target in targets},
        )
        return AfterTaken(
            snapshot=self.after, differences=tuple(str(each) for each in self.differences)
        )

    def _measured(self, namespec: Namespec) -> Measured:
        return Measured(
            resident_before=self.resident_before.get(namespec),
            resident_after=self.resident_after.get(namespec),
        )

    async def _measure(self, snapshot: Snapshot) -> Mapping[Namespec, int]:
        memory = self.memory()
        pids = {
            namespec: status.pid
            for namespec, status in snapshot.processes.items()
            if status.pid is not None
        }
        return {} if memory is None else await self.ports.act(memory.resident, pids)

    def _document(self, run: Run) -> dict[str, Any]:
        return {
            "run": run.to_document(),
            "before": self.before and snapshot_document(self.before, self.resident_before),
            "after": self.after and snapshot_document(self.after, self.resident_after),
            "differences": [difference.to_document() for difference in self.differences],
            "downtime_seconds": {
                namespec.qualified: seconds for namespec, seconds in self.downtimes(run).items()
            },
        }

    async def _save(self, run: Run, document: Mapping[str, Any]) -> None:
        try:
            await self.ports.store(self.ports.history.save_run, run.id, run.created_at, document)
        except StoreError as error:
            logger.error("cannot keep the run in the history: %s", error.msg)
            self._unsaved = (run, document)
        else:
            self._unsaved = None

    async def save_again(self) -> None:
        """Save the last run if that failed."""
        if self._unsaved is not None:
            await self._save(*self._unsaved)

    def _forget(self) -> None:
        self.before = self.after = None
        self.resident_before, self.resident_after = {}, {}
        self.differences = ()
