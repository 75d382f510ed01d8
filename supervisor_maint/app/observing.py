"""Looking at supervisord: what was seen last, and the calls that see it.

Every call goes to a thread; the loop only takes what comes back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import attrs

from supervisor_maint.app.pacing import Pace
from supervisor_maint.app.ports import Ports
from supervisor_maint.errors import SupervisorError, SupervisorShuttingDown
from supervisor_maint.processes import Namespec, ProcessState, Snapshot
from supervisor_maint.snapshots.diff import Report
from supervisor_maint.snapshots.watch import Watch
from supervisor_maint.supervisord import exits

logger = logging.getLogger(__name__)

# enough for the exits of some hundred processes; supervisord sends it in one piece
LOG_TAIL_BYTES = 64 * 1024
_EXIT_IS_WORTH_KNOWING = frozenset(
    {ProcessState.FATAL, ProcessState.BACKOFF, ProcessState.EXITED, ProcessState.UNKNOWN}
)


@attrs.define(kw_only=True)
class Observer:
    """Asks supervisord, and keeps what was seen last for those who report it."""

    ports: Ports
    watch: Watch
    pace: Pace
    up: bool = False
    configs_wanted: bool = True
    shutting_down: bool = False
    snapshot: Snapshot | None = None
    memory: Mapping[Namespec, int] = attrs.field(factory=dict)

    async def look(self) -> Report | None:
        """Take a snapshot and return the report if things have settled.

        A supervisord that does not answer is one log line when it begins and one when it ends.
        """
        began_at = self.ports.clock()
        try:
            snapshot = await self._ask(began_at)
        except SupervisorShuttingDown:
            self.shutting_down = True
            self.watch.freeze()
            return None
        except SupervisorError as error:
            if self.up or self.snapshot is None:
                logger.error("cannot look at supervisord: %s", error.msg)
            self.up = False
            self.pace.failed(self.ports.clock())
            return None
        if not self.up:
            logger.info("looking at supervisord %s", snapshot.supervisord.version)
        self.up = True
        self.pace.observed(began_at, self.ports.clock())
        self.snapshot = snapshot
        report = self.watch.observe(snapshot)
        if report is not None and self._unexplained(report, snapshot):
            await self._learn_exits(snapshot)
            report = self.watch.report
        return report

    async def measure(self) -> None:
        """Read the memory of every running process with its children."""
        if self.ports.memory is None or self.snapshot is None:
            return
        pids = {
            namespec: status.pid
            for namespec, status in self.snapshot.processes.items()
            if status.pid is not None
        }
        self.memory = await self.ports.ask(self.ports.memory.resident, pids)

    async def _ask(self, now: float) -> Snapshot:
        if self.configs_wanted:
            configs = await self.ports.ask(self.ports.supervisor.configs)
            self.configs_wanted = False
            self.watch.configure(configs, now)
        return await self.ports.ask(self.ports.supervisor.snapshot)

    @staticmethod
    def _unexplained(report: Report, snapshot: Snapshot) -> bool:
        statuses = snapshot.processes
        return any(
            difference.namespec in statuses
            and statuses[difference.namespec].state in _EXIT_IS_WORTH_KNOWING
            for difference in report.differences
        )

    async def _learn_exits(self, snapshot: Snapshot) -> None:
        """Read from supervisord's log what XML-RPC no longer knows (Supervisor #1150)."""
        try:
            tail = await self.ports.ask(self.ports.supervisor.log_tail, LOG_TAIL_BYTES)
        except SupervisorError as error:
            logger.warning("cannot read supervisord's log, exit statuses stay unknown: %s", error)
            return
        self.watch.learn_exits(exits.attribute(exits.parse_exits(tail), snapshot.processes))
