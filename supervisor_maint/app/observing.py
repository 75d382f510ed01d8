"""Looking at supervisord beside the turns: a call that hangs holds up nothing but the next look.

Every call goes to a thread; the loop only takes what comes back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import attrs

from supervisor_maint.app.pacing import Pace
from supervisor_maint.app.ports import Ports
from supervisor_maint.app.survival import surviving
from supervisor_maint.app.totals import Totals
from supervisor_maint.errors import SupervisorError, SupervisorFault, SupervisorShuttingDown
from supervisor_maint.processes import Namespec, Snapshot
from supervisor_maint.snapshots.diff import Report, has_ended_badly
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.supervisord import exits

logger = logging.getLogger(__name__)

# enough for the exits of some hundred processes; supervisord sends it in one piece
LOG_TAIL_BYTES = 64 * 1024


@attrs.define(kw_only=True)
class Observer:
    """Asks supervisord, one look at a time, and keeps what was seen last.

    ``woken`` is set when a look has ended. ``looking_since`` is when the one under way began, in
    seconds since the epoch, None when there is none.
    """

    ports: Ports
    watch: Watch
    pace: Pace
    totals: Totals
    woken: asyncio.Event
    up: bool = False
    configs_wanted: bool = True
    shutting_down: bool = False
    snapshot: Snapshot | None = None
    memory: Mapping[Namespec, int] = attrs.field(factory=dict)
    looking_since: float | None = None
    _look: asyncio.Future[None] | None = attrs.field(init=False, default=None)
    _reports: list[Report] = attrs.field(init=False, factory=list)
    _trouble: str | None = attrs.field(init=False, default=None)
    _log_trouble: str | None = attrs.field(init=False, default=None)

    def begin(self) -> asyncio.Future[None]:
        """Begin a look and return it, or the one that is under way."""
        if self._look is None:
            now = self.ports.clock()
            self.looking_since = now
            self.pace.looking(now)
            look = surviving(self.totals, "look", self._observe(now))
            self._look = asyncio.ensure_future(look)
            self._look.add_done_callback(self._ended)
        return self._look

    def _ended(self, _look: asyncio.Future[None]) -> None:
        self._look = self.looking_since = None
        self.woken.set()

    def take_reports(self) -> list[Report]:
        """Return the reports made since the last call."""
        reports, self._reports = self._reports, []
        return reports

    async def look_again(self, within_seconds: float) -> Snapshot | None:
        """Return a snapshot asked for from now on; None when there is none in time."""
        try:
            return await asyncio.wait_for(self._look_afresh(), within_seconds)
        except asyncio.TimeoutError:
            return None

    async def _look_afresh(self) -> Snapshot | None:
        if self._look is not None:
            await asyncio.wait({self._look})
        await asyncio.sleep(self.pace.snapshot_allowed_at - self.ports.clock())
        await asyncio.wait({self.begin()})
        return self.snapshot if self.up else None

    async def measure(self) -> None:
        """Read the memory of every running process with its children."""
        if self.ports.memory is None or self.snapshot is None:
            self.memory = {}
            return
        self.memory = await self.ports.compute(self.ports.memory.resident, self.snapshot.pids)

    async def _observe(self, began_at: float) -> None:
        """Take a snapshot, and keep the report if things have settled."""
        try:
            snapshot = await self._ask(began_at)
        except SupervisorShuttingDown:
            self.shutting_down = True
            self.watch.freeze()
            return
        except SupervisorError as error:
            self._unanswered(error.msg)
            return
        self._answered(snapshot, began_at)
        report = self.watch.observe(snapshot)
        if report is None:
            return
        if self._has_unexplained_ends(report, snapshot):
            await self._learn_exits(snapshot)
        self._reports.append(self.watch.report or report)

    async def _ask(self, now: float) -> Snapshot:
        if self.configs_wanted:
            self.configs_wanted = False
            try:
                configs = await self.ports.ask(self.ports.supervisor.configs)
            except SupervisorFault as fault:
                logger.warning("cannot read the configuration of the processes: %s", fault.msg)
            except SupervisorError:
                self.configs_wanted = True
                raise
            else:
                self.watch.configure(configs, now)
        return await self.ports.ask(self.ports.supervisor.snapshot)

    def _answered(self, snapshot: Snapshot, began_at: float) -> None:
        if self._trouble is not None or self.snapshot is None:
            logger.info("looking at supervisord %s", snapshot.supervisord.version)
        self._trouble = None
        self._show_up(True)
        self.snapshot = snapshot
        self.pace.looked(began_at, self.ports.clock())

    def _unanswered(self, sentence: str) -> None:
        """Say what is wrong when it begins and when it changes, not at every look."""
        if sentence != self._trouble:
            logger.error("cannot look at supervisord: %s", sentence)
        self._trouble = sentence
        self._show_up(False)
        self.pace.failed(self.ports.clock())

    def _show_up(self, up: bool) -> None:
        if up is not self.up:
            self.pace.report_now()
        self.up = up

    @staticmethod
    def _has_unexplained_ends(report: Report, snapshot: Snapshot) -> bool:
        shown = snapshot.processes
        return any(
            difference.namespec in shown and has_ended_badly(shown[difference.namespec])
            for difference in report.differences
        )

    async def _learn_exits(self, snapshot: Snapshot) -> None:
        """Read from supervisord's log what XML-RPC no longer knows (Supervisor #1150)."""
        try:
            tail = await self.ports.ask(self.ports.supervisor.log_tail, LOG_TAIL_BYTES)
        except SupervisorError as error:
            if error.msg != self._log_trouble:
                logger.warning("exit statuses stay unknown: %s", error.msg)
            self._log_trouble = error.msg
            return
        self._log_trouble = None
        self.watch.learn_exits(exits.attribute(exits.parse_exits(tail), snapshot.processes))
