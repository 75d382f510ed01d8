"""The journal as planned runs use it, and whether it can be relied on.

It is asked again before each run. What cannot be read or written blocks every run, is counted,
and is logged once.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
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
    ``reading_trouble`` and ``writing_trouble`` are why that failed the last time, for a full disk
    can be read; ``unreadable_run`` is why an open run is no run, until somebody resumes.
    """

    ports: RunPorts
    totals: Totals
    state: JournalState = attrs.field(factory=JournalState)
    is_read: bool = False
    reading_trouble: str | None = None
    writing_trouble: str | None = None
    unreadable_run: str | None = None

    @property
    def problem(self) -> str | None:
        """Tell why no run may start; None when the journal can be relied on."""
        return self.reading_trouble or self.writing_trouble or self.blocked_because

    @property
    def blocked_because(self) -> str | None:
        """Tell why no run may start before somebody resumes."""
        return self.unreadable_run or self.state.needs_resume

    async def read(self) -> bool:
        """Read everything again; False when that failed, and then all stays as it was.

        Of a journal that a newer version wrote only the open run is read.
        """
        try:
            self.state = await self.ports.journaling(self.ports.journal.load)
        except NewerSchema as error:
            self.state = JournalState(run=await self._newer_run())
            self.reading_trouble = self._noted(error, self.reading_trouble)
        except StoreError as error:
            self.reading_trouble = self._noted(error, self.reading_trouble)
            return False
        else:
            self.reading_trouble = None
        self.is_read = True
        return True

    async def check(self) -> None:
        """Find out whether it can be written and read now; ``problem`` tells."""
        try:
            await self.write(self.ports.journal.check_writable)
        except StoreError:
            return
        await self.read()

    async def record(self, last_run: LastRun) -> bool:
        """Write down that a plan was skipped; False when that failed."""
        try:
            await self.write(self.ports.journal.record_plan, last_run)
        except StoreError:
            return False
        return await self.read()

    async def drop_lapsed(self, now: float) -> None:
        """Forget the holds that are over."""
        lapsed = holds.lapsed(self.state.holds, now)
        try:
            for hold in lapsed:
                await self.write(self.ports.journal.drop_hold, hold.plan)
                logger.info("the hold of %s is over", hold.plan or "every plan")
        except StoreError:
            return
        if lapsed:
            await self.read()

    async def write(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Have something written in the journal's thread. Raises StoreError, which is noted."""
        try:
            found = await self.ports.journaling(function, *args, **kwargs)
        except StoreError as error:
            self.writing_trouble = self._noted(error, self.writing_trouble)
            raise
        if self.writing_trouble is not None:
            logger.info("the journal can be written again")
        self.writing_trouble = None
        return found

    def _noted(self, error: StoreError, known: str | None) -> str:
        """Count an error, log it unless it is known, and return its sentence."""
        self.totals.store_errors["journal"] += 1
        if error.msg != known:
            logger.error("no run starts without a journal: %s", error.msg)
        return error.msg

    async def _newer_run(self) -> Mapping[str, Any] | None:
        with contextlib.suppress(StoreError):
            return await self.ports.journaling(self.ports.journal.read_newer_run)
        return None
