"""Bringing reports to a sink without ever being in the way of an event.

This is asyncio shell: what to write and when is decided by ``outbox``. A write blocks in the
executor, one at a time a sink, so a slow one holds one thread and nothing else.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import Executor

from supervisor_maint.effects import Sink
from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.facts import SinkStatus
from supervisor_maint.monitoring.outbox import Change, Outbox

logger = logging.getLogger(__name__)


class Delivery:
    """Brings the newest report to one sink; every method belongs to the loop's thread.

    ``clock`` gives seconds since the epoch, ``jitter`` a number from 0 to 1. ``status`` is where
    the counts go on from: what an earlier listener counted.
    """

    def __init__(
        self,
        sink: Sink,
        executor: Executor,
        clock: Callable[[], float] = time.time,
        *,
        jitter: Callable[[], float] = random.random,
        status: SinkStatus | None = None,
    ) -> None:
        self.name = sink.name
        self._sink = sink
        self._executor = executor
        self._clock = clock
        self._jitter = jitter
        self._outbox = Outbox(status or SinkStatus())
        self._writing: asyncio.Future[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._draining = False
        self._submitted = 0
        self._tried = 0

    def submit(self, exposition: bytes) -> None:
        """Hand over a report; an older one that still waits is dropped. Returns at once."""
        self._outbox.put(exposition)
        self._submitted += 1
        if self._retry is None:
            self._write()

    async def tried(self) -> None:
        """Wait until the newest report was written or refused.

        A sink that rests after a failure counts as one that refuses.
        """
        number = self._submitted
        while self._tried < number and self._writing is not None and self._retry is None:
            await asyncio.wait({self._writing})

    def status(self) -> SinkStatus:
        """Tell how the writes went so far."""
        return self._outbox.status

    async def drain(self, timeout_seconds: float) -> bool:
        """Write what waits now, without backing off, and tell whether all of it arrived.

        To be called once, last. A write that is not over in time is left to its thread.
        """
        self._draining = True
        self._cancel_retry()
        self._write()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_seconds
        while self._writing is not None and loop.time() < deadline:
            await asyncio.wait({self._writing}, timeout=deadline - loop.time())
        if self._writing is None:
            return self._outbox.waiting is None and self._outbox.bad_since is None
        self._writing.cancel()
        return False

    def abandon(self) -> None:
        """Drop what waits and write no more; a write under way may end."""
        self._draining = True
        self._cancel_retry()
        self._outbox.take()

    def _write(self) -> None:
        """Start a write unless one is under way or nothing waits."""
        if self._writing is not None:
            return
        exposition = self._outbox.take()
        if exposition is None:
            return
        loop = asyncio.get_running_loop()
        number = self._submitted
        self._writing = loop.run_in_executor(self._executor, self._sink.write, exposition)
        self._writing.add_done_callback(lambda done: self._written(exposition, number, done))

    def _written(self, exposition: bytes, number: int, done: asyncio.Future[None]) -> None:
        """Note how a write ended, and go on with what came meanwhile.

        Raises what the sink should not have raised, for the loop to report.
        """
        self._writing, self._tried = None, number
        if done.cancelled():
            return
        overtaken = self._outbox.waiting is not None
        error = done.exception()
        if error is None:
            self._delivered()
        else:
            self._refused(exposition, error)
        self._go_on(overtaken)
        if error is not None and not isinstance(error, SinkError):
            raise error

    def _delivered(self) -> None:
        bad_since, now = self._outbox.bad_since, self._clock()
        if self._outbox.delivered(now) is Change.RECOVERED and bad_since is not None:
            logger.info("sink %s takes reports again after %.0f s", self.name, now - bad_since)

    def _refused(self, exposition: bytes, error: BaseException) -> None:
        if not isinstance(error, SinkError):
            error = SinkError(f"unexpected {type(error).__name__}")
        if self._outbox.refused(exposition, error, self._clock()) is Change.WENT_BAD:
            how = "rejects reports" if error.rejected else "takes no reports, trying again"
            logger.warning("sink %s %s: %s", self.name, how, error.msg)

    def _go_on(self, overtaken: bool) -> None:
        """Write what waits: at once, or when the sink has had its rest.

        While draining a report that failed is given up, and one that overtook it still goes.
        """
        if self._draining:
            if overtaken:
                self._write()
            return
        seconds = self._outbox.wait_seconds(self._clock(), self._jitter())
        if seconds == 0.0:
            self._write()
        else:
            self._retry = asyncio.get_running_loop().call_later(seconds, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._write()

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
