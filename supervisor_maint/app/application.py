"""The listener's turns: gather, decide, record, report.

``receive`` is called for every event and only notes it; a turn follows when it is due. An event
is a wake-up, not a fact: a turn looks at what is, so that lost, repeated, late and foreign
events do no harm. Looking at supervisord and carrying out requests go on beside the turns.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from typing import Any, Callable

import attrs

from supervisor_maint.app.answering import Clerk
from supervisor_maint.app.coalescing import Coalesced
from supervisor_maint.app.observing import Observer
from supervisor_maint.app.pacing import Pace
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.recording import Recorder
from supervisor_maint.app.reporting import Reporter
from supervisor_maint.app.survival import survive, surviving
from supervisor_maint.app.totals import Totals
from supervisor_maint.app.upkeep import NoPlans, NoRules, Permissions, Upkeep
from supervisor_maint.listener.events import (
    Event,
    ForeignEvent,
    ProcessGroupEvent,
    ProcessStateEvent,
    RemoteCommunicationEvent,
    SupervisorStateEvent,
    TickEvent,
)
from supervisor_maint.processes import ProcessState
from supervisor_maint.snapshots.watch import Watch

REQUEST_KIND = "maint"
# A storm of events makes twenty turns a second, not one an event.
LEAST_TURN_SPACING_SECONDS = 0.05
# A report waits this long for the look that was begun for it: 1000 processes take 1.4 s with
# their configuration. What hangs longer is reported as it was known before.
REPORT_WAITS_SECONDS = 2.0
# What is starting wants the processors, and a run looks at all of its batch for each wake-up.
RUN_WAKING_SPACING_SECONDS = 0.02
_ON_THEIR_WAY = frozenset({ProcessState.STARTING, ProcessState.STOPPING})
_HOUR_SECONDS = 3600


@attrs.frozen(kw_only=True)
class Limits:
    """How often and how much, as the settings have it; a reload may change all of it."""

    push_interval_seconds: float
    settle_seconds: float
    settle_max_seconds: float
    keep_seconds: float
    max_bytes: int


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
    maintenance: Upkeep
    permissions: Permissions
    woken: asyncio.Event
    _maintaining: asyncio.Future[None] | None = attrs.field(init=False, default=None)
    _stopping: bool = attrs.field(init=False, default=False)
    _heard: Coalesced = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._heard = Coalesced(self._wake_run, RUN_WAKING_SPACING_SECONDS)

    @classmethod
    def build(
        cls,
        *,
        ports: Ports,
        watch: Watch,
        totals: Totals,
        limits: Limits,
        reload: Callable[[], Awaitable[None]],
        settings_changed: Callable[[], bool],
        about: dict[str, Any],
        is_saving_suspended: bool = False,
    ) -> Application:
        """Put the parts together; what the arguments mean is said by the part that gets them."""
        woken = asyncio.Event()
        pace = Pace()
        observer = Observer(ports=ports, watch=watch, pace=pace, totals=totals, woken=woken)
        maintenance = NoPlans(ports.clock)
        permissions = NoRules()
        recorder = Recorder(ports=ports, watch=watch, totals=totals, suspended=is_saving_suspended)
        clerk = Clerk(
            maintenance=maintenance,
            ports=ports,
            watch=watch,
            observer=observer,
            pace=pace,
            totals=totals,
            woken=woken,
            reload=reload,
            settings_changed=settings_changed,
        )
        application = cls(
            ports=ports,
            watch=watch,
            totals=totals,
            pace=pace,
            observer=observer,
            recorder=recorder,
            reporter=Reporter(
                ports=ports,
                watch=watch,
                totals=totals,
                observer=observer,
                clerk=clerk,
                maintenance=maintenance,
                permissions=permissions,
                about=about,
            ),
            clerk=clerk,
            maintenance=maintenance,
            permissions=permissions,
            woken=woken,
        )
        application.limit(limits)
        return application

    def take_up(self, maintenance: Upkeep) -> None:
        """Take up planned restarts; before, every request about them is refused."""
        self.maintenance = self.clerk.maintenance = self.reporter.maintenance = maintenance
        if self._maintaining is not None:
            self._maintaining = asyncio.ensure_future(maintenance.drive())
        self.woken.set()

    def keep_permissions(self, permissions: Permissions) -> None:
        """Have a pass made of these rules at every hour from now on."""
        self.permissions = self.reporter.permissions = permissions
        self.woken.set()

    def limit(self, limits: Limits) -> None:
        """Hold to other limits from now on."""
        self.pace.push_interval_seconds = limits.push_interval_seconds
        self.watch.settling.settle_seconds = limits.settle_seconds
        self.watch.settling.settle_max_seconds = limits.settle_max_seconds
        self.recorder.keep_seconds = limits.keep_seconds
        self.recorder.max_bytes = limits.max_bytes

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
        self.woken.set()
        if isinstance(event, TickEvent):
            self.maintenance.wake()
        elif self.maintenance.is_active and not _is_on_its_way(event):
            self._heard.ring()

    def _wake_run(self) -> None:
        self.maintenance.wake()

    def _tick(self, event: TickEvent) -> None:
        self.clerk.look_at_settings = True
        self.clerk.look_in_mailbox = True
        if event.period == _HOUR_SECONDS:
            self.recorder.begin_hour(self.observer.snapshot)
            self.permissions.begin_hour()

    def look_in_mailbox(self) -> None:
        """Take the requests that wait there, soon: somebody rang."""
        self.clerk.look_in_mailbox = True
        self.woken.set()

    def reload(self) -> None:
        """Read the settings again, soon: SIGHUP came."""
        self.clerk.reload_wanted = True
        self.woken.set()

    def survive(self, where: str, error: BaseException) -> None:
        """Log an unexpected exception with its traceback, and count it."""
        survive(self.totals, where, error)

    def stop(self) -> None:
        """End ``run`` after the turn under way."""
        self._stopping = True
        self.woken.set()

    async def run(self) -> None:
        """Make turns until ``stop``, or until supervisord says that it is shutting down.

        An unexpected exception in a turn is logged and counted, and the next turn comes.
        """
        self._maintaining = asyncio.ensure_future(self.maintenance.drive())
        try:
            while not (self._stopping or self.observer.shutting_down):
                await surviving(self.totals, "turn", self.turn())
                await asyncio.sleep(LEAST_TURN_SPACING_SECONDS)
                await self._wait(self._next_turn_at() - self.ports.clock())
        finally:
            self._maintaining.cancel()
            self._maintaining = None

    async def turn(self) -> None:
        """Make one turn: take requests, begin to look, save, and report what is due."""
        self.woken.clear()
        await self.clerk.work()
        now = self.ports.clock()
        self.pace.follow_clock(now)
        self.permissions.consider(is_run_close=self.maintenance.is_close(now))
        if self.observer.looking_since is None and now >= self._next_look_at(now):
            self.observer.begin()
        await self._record(now)
        news = (self.clerk.take_news(), self.maintenance.take_news(), self.reporter.owes_status)
        if any(news):
            await self.reporter.publish()
        now = self.ports.clock()
        if now >= self._next_report_at():
            self.pace.reported(now)
            await self.observer.measure()
            await self.reporter.report()

    async def _record(self, now: float) -> None:
        for report in self.observer.take_reports():
            self.pace.report_now()
            await self.recorder.keep_report(report)
        snapshot = self.observer.snapshot
        if snapshot is not None and self._is_hour_wanted() and self.recorder.is_of_hour(snapshot):
            await self.observer.measure()
            await self.recorder.keep_hour(snapshot, self.observer.memory, now)
        await self.recorder.save()

    def _is_hour_wanted(self) -> bool:
        """Tell whether the hour's work is to be done; it waits while a run is near."""
        return self.recorder.hour_due and not self.maintenance.is_close(self.ports.clock())

    def _next_look_at(self, now: float) -> float:
        """Return when to look next: for a burst to end, the hour, a report, or to be answered."""
        if not self.observer.up or self._is_hour_wanted():
            due_at = -math.inf
        else:
            settling_at = self.watch.next_due(now)
            due_at = math.inf if settling_at is None else settling_at
        return max(min(due_at, self.pace.report_due_at), self.pace.snapshot_allowed_at)

    def _next_report_at(self) -> float:
        """Return when to report next: when it is due, but not in the middle of a look."""
        since = self.observer.looking_since
        waits_until = -math.inf if since is None else since + REPORT_WAITS_SECONDS
        return max(self.pace.report_due_at, waits_until)

    def _next_turn_at(self) -> float:
        """Return when a turn is due without a wake-up; the end of a look is one."""
        if self.observer.looking_since is not None:
            return self._next_report_at()
        return min(self._next_report_at(), self._next_look_at(self.ports.clock()))

    async def _wait(self, seconds: float) -> None:
        """Wait until woken, but no longer than the seconds."""
        alarm = asyncio.get_running_loop().call_later(max(seconds, 0.0), self.woken.set)
        await self.woken.wait()
        alarm.cancel()


def _is_on_its_way(event: Event) -> bool:
    """Tell whether a process only left a state: where it arrives is a reason to look."""
    return isinstance(event, ProcessStateEvent) and event.state in _ON_THEIR_WAY
