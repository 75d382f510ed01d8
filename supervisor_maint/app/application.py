"""One turn of the listener: gather, decide, journal, perform, record.

``receive`` is called for every event and only notes it; a turn follows when it is due. An event
is a wake-up, not a fact: a turn looks at what is, so that lost, repeated, late and foreign
events do no harm.
"""

from __future__ import annotations

import asyncio
import logging

import attrs

from supervisor_maint.app.answering import Clerk
from supervisor_maint.app.observing import Observer
from supervisor_maint.app.pacing import Pace
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.recording import Recorder
from supervisor_maint.app.reporting import Reporter
from supervisor_maint.app.totals import Totals
from supervisor_maint.listener.events import (
    Event,
    ForeignEvent,
    ProcessGroupEvent,
    RemoteCommunicationEvent,
    SupervisorStateEvent,
    TickEvent,
)
from supervisor_maint.snapshots.watch import Watch

logger = logging.getLogger(__name__)

REQUEST_KIND = "maint"
# A storm of events makes twenty turns a second, not one an event.
LEAST_TURN_SPACING_SECONDS = 0.05
_HOUR_SECONDS = 3600


@attrs.define(kw_only=True)
class Application:
    """The listener's mind: ``receive`` events, ``run`` the turns, ``stop``."""

    ports: Ports
    watch: Watch
    totals: Totals
    pace: Pace
    observer: Observer
    recorder: Recorder
    reporter: Reporter
    clerk: Clerk
    _woken: asyncio.Event = attrs.field(init=False, factory=asyncio.Event)
    _stopping: bool = attrs.field(init=False, default=False)

    def receive(self, event: Event) -> None:
        """Note an event. Takes microseconds, asks nobody and waits for nothing."""
        label = "other" if isinstance(event, ForeignEvent) else event.name
        self.totals.events[label] += 1
        self.reporter.heartbeat_at = event.received_at
        self.watch.receive(event)
        if isinstance(event, TickEvent):
            self._tick(event)
        elif isinstance(event, (ProcessGroupEvent, SupervisorStateEvent)):
            self.observer.configs_wanted = True
        elif isinstance(event, RemoteCommunicationEvent) and event.kind == REQUEST_KIND:
            self.clerk.hand_in(event.data)
        self.wake()

    def wake(self) -> None:
        """Make a turn happen soon; many calls make one turn."""
        self._woken.set()

    def stop(self) -> None:
        """End ``run`` after the turn under way."""
        self._stopping = True
        self.wake()

    def _tick(self, event: TickEvent) -> None:
        self.clerk.look_at_settings = True
        self.clerk.look_in_mailbox = True
        if event.period == _HOUR_SECONDS:
            self.recorder.hourly_due = True

    async def run(self) -> None:
        """Make turns until ``stop``, or until supervisord says that it is shutting down.

        An unexpected exception in a turn is logged and counted, and the next turn comes.
        """
        while not (self._stopping or self.observer.shutting_down):
            turn = asyncio.ensure_future(self._turn())
            await asyncio.wait({turn})
            error = turn.exception()
            if error is not None:
                self.survive("turn", error)
            await asyncio.sleep(LEAST_TURN_SPACING_SECONDS)
            await self._wait(self._next_turn_at() - self.ports.clock())

    def survive(self, where: str, error: BaseException) -> None:
        """Log an unexpected exception with its traceback, and count it."""
        self.totals.errors[where] += 1
        logger.error("unexpected error in %s, going on", where, exc_info=error)

    async def _turn(self) -> None:
        self._woken.clear()
        answered = await self.clerk.work()
        now = self.ports.clock()
        self.pace.clock_went_back(now)
        report = await self.observer.look() if self._should_look(now) else None
        if self.recorder.hourly_due and self.observer.snapshot is not None:
            await self.recorder.hourly(self.observer.snapshot, self.observer.memory, now)
        if report is not None:
            await self.recorder.keep_report(report)
        await self.recorder.save()
        if report is not None or now >= self.pace.report_due_at:
            self.pace.reported(now)
            await self.observer.measure()
            await self.reporter.report()
        elif answered:
            await self.reporter.publish()

    def _should_look(self, now: float) -> bool:
        due_at = self.watch.next_due(now)
        due = due_at is not None and now >= due_at
        wanted = due or self.recorder.hourly_due or now >= self.pace.report_due_at
        return wanted and now >= self.pace.snapshot_allowed_at

    def _next_turn_at(self) -> float:
        look_at = self.watch.next_due(self.ports.clock())
        if look_at is None:
            return self.pace.report_due_at
        return min(self.pace.report_due_at, max(look_at, self.pace.snapshot_allowed_at))

    async def _wait(self, seconds: float) -> None:
        """Wait until woken, but no longer than the seconds."""
        if seconds > 0:
            woken = asyncio.ensure_future(self._woken.wait())
            await asyncio.wait({woken}, timeout=seconds)
            woken.cancel()
