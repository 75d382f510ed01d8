"""The journal as planned runs use it, and whether it can be relied on.

It is asked again before each run. What cannot be read or written blocks every run, is counted,
and is logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from supervisor_maint.app.run_ports import RunPorts
from supervisor_maint.app.totals import Totals
from supervisor_maint.errors import NewerSchema, StoreError
from supervisor_maint.maintenance import holds
from supervisor_maint.store.records import JournalState, LastRun

T = TypeVar("T")

logger = logging.getLogger(__name__)


@attrs.define(kw_only=True)
class JournalKeeper:
    """Holds what the journal held when it was read last.

    ``is_read`` tells whether that was ever possible: before, nobody knows whether a run is open.
    ``trouble`` is why the last call failed; ``unreadable_run`` why an open run is no run, until
    somebody resumes.
    """

    ports: RunPorts
    totals: Totals
    state: JournalState = attrs.field(factory=JournalState)
    is_read: bool = False
    trouble: str | None = None
    unreadable_run: str | None = None

    @property
    def problem(self) -> str | None:
        """Tell why no run may start; None when the journal can be relied on."""
        return self.trouble or self.unreadable_run or self.state.needs_resume

    async def read(self) -> bool:
        """Read everything again; False when that failed, and then all stays as it was.

        Of a journal that a newer version wrote only the open run is read.
        """
        try:
            self.state = await self.call(self.ports.journal.load)
        except NewerSchema as error:
            await self._read_newer(error)
        except StoreError:
            return False
        self.is_read = True
        return True

    async def check(self) -> None:
        """Find out whether it can be written and read now; ``problem`` tells."""
        try:
            await self.call(self.ports.journal.check_writable)
        except StoreError:
            return
        await self.read()

    async def record(self, last_run: LastRun) -> bool:
        """Write down that a plan was skipped; False when that failed."""
        try:
            await self.call(self.ports.journal.record_plan, last_run)
        except StoreError:
            return False
        return await self.read()

    async def drop_lapsed(self, now: float) -> None:
        """Forget the holds that are over."""
        lapsed = holds.lapsed(self.state.holds, now)
        try:
            for hold in lapsed:
                await self.call(self.ports.journal.drop_hold, hold.plan)
                logger.info("the hold of %s is over", hold.plan or "every plan")
        except StoreError:
            return
        if lapsed:
            await self.read()

    async def call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Call the journal in its thread. Raises StoreError, which is noted and counted."""
        try:
            found = await self.ports.store(function, *args, **kwargs)
        except StoreError as error:
            self.totals.store_errors["journal"] += 1
            if error.msg != self.trouble:
                logger.error("no run starts without a journal: %s", error.msg)
            self.trouble = error.msg
            raise
        if self.trouble is not None:
            logger.info("the journal works again")
        self.trouble = None
        return found

    async def _read_newer(self, newer: NewerSchema) -> None:
        try:
            run = await self.call(self.ports.newer_run)
        except StoreError:
            run = None
        self.trouble = newer.msg
        self.state = JournalState(run=run)
