"""What the journal says, as last read, and why it cannot be relied on, if so.

Whatever is wrong with it keeps runs from starting; the log says each reason once.
"""

from __future__ import annotations

import contextlib
import logging

import attrs

from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance import holds
from supervisor_maint.maintenance.run import Run
from supervisor_maint.store.records import JournalState, LastRun

logger = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class JournalKeeper:
    """Reads and writes the journal for the runs.

    ``problem`` is why it could not be read or written the last time; ``unreadable_run`` why the
    open run in it cannot be taken up, until somebody resumes. ``unwritten_end`` is how the last
    run ended while the journal still holds it as open.
    """

    ports: RunPorts
    state: JournalState = attrs.field(factory=JournalState)
    problem: str | None = None
    unreadable_run: str | None = None
    unwritten_end: LastRun | None = None

    @property
    def blocked_because(self) -> str | None:
        """Why no run may start before somebody resumes."""
        return self.unreadable_run or self.state.needs_resume

    async def read(self) -> None:
        """Read everything; what was read before stays when that fails."""
        try:
            self.state = await self.ports.store(self.ports.journal.load)
        except StoreError as error:
            if error.msg != self.problem:
                logger.error("cannot read the journal, so no run will start: %s", error.msg)
            self.problem = error.msg
            return
        self.problem = None

    async def open_run(self) -> Run | None:
        """Read the journal, and return the run that a crash has left open in it.

        Of a journal that a newer version wrote too: that run can only be recovered.
        """
        await self.read()
        document = self.state.run
        if self.problem is not None:
            with contextlib.suppress(StoreError):
                document = await self.ports.store(self.ports.journal.read_newer_run)
        if document is None:
            return None
        try:
            return Run.from_document(document)
        except ValueError as error:
            self.unreadable_run = f"the open run in the journal cannot be read: {error}"
            logger.error("%s; it stays there until somebody resumes", self.unreadable_run)
            return None

    async def write_end(self) -> bool:
        """Write the end of the last run if that failed: until then it counts as open."""
        if self.unwritten_end is None:
            return True
        try:
            await self.ports.store(self.ports.journal.save_run, None, finished=self.unwritten_end)
        except StoreError as error:
            self.problem = error.msg
            return False
        self.unwritten_end = None
        await self.read()
        return True

    async def check(self) -> str | None:
        """Read and write for the sake of it; return why no run may start."""
        await self.read()
        try:
            await self.ports.store(self.ports.journal.check_writable)
        except StoreError as error:
            return error.msg
        return self.problem or self.blocked_because

    async def resume(self) -> bool:
        """Let runs start again after a journal or its run was lost; tell whether it was."""
        blocked = self.blocked_because is not None
        if blocked:
            await self.ports.store(self.ports.journal.clear_needs_resume)
        self.unreadable_run = None
        await self.read()
        return blocked

    async def forget_lapsed(self, now: float) -> None:
        """Drop the holds that are over."""
        for hold in holds.lapsed(self.state.holds, now):
            with contextlib.suppress(StoreError):
                await self.ports.store(self.ports.journal.drop_hold, hold.plan)
                await self.read()

    def last_run(self, plan: str) -> LastRun | None:
        """Return how a plan ran last, written or not."""
        if self.unwritten_end is not None and self.unwritten_end.plan == plan:
            return self.unwritten_end
        return self.state.last_runs.get(plan)
