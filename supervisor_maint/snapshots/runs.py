"""The runs of one process: what an event or a snapshot adds to its counts. Pure.

What is certain is counted, and nothing else: a counter may stay below the truth when events were
lost, never rise above it. So where the cause of an end is not known, the next start is a start,
but a restart of no cause.

The *cause* of a restart is how RUNNING was left: a stop that we journalled (maintenance), any
other stop (command), or an exit. A failed start since then makes it an exit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.listener.events import ProcessStateEvent
from supervisor_maint.processes import ProcessState, ProcessStatus
from supervisor_maint.snapshots.downtime import Downtime
from supervisor_maint.snapshots.tallies import Cause, ProcessTally

# A pid is only asked for while an event and a snapshot may still tell the same run.
_REMEMBERED_PIDS = 8


def _remember(pids: tuple[int, ...], pid: int) -> tuple[int, ...]:
    return (*pids, pid)[-_REMEMBERED_PIDS:]


@attrs.define
class ProcessRuns:
    """What was counted of one process, and what is known of its present run.

    ``pid`` is the run that is RUNNING as far as we know, ``run_started_at`` when supervisord
    spawned it (from a snapshot). ``has_run`` is of this supervisord, ``ever_ran`` of any.
    ``left_by`` is the cause of the next restart, None when unknown. ``heard_at`` is the arrival
    of the last event.
    """

    starts: int = 0
    start_failures: int = 0
    fatals: int = 0
    exits_expected: int = 0
    exits_unexpected: int = 0
    restarts: dict[Cause, int] = attrs.field(factory=lambda: dict.fromkeys(Cause, 0))
    downtime: Downtime = attrs.field(factory=Downtime)
    state: ProcessState | None = None
    pid: int | None = None
    run_started_at: float | None = None
    has_run: bool = False
    ever_ran: bool = False
    left_by: Cause | None = None
    stopped_by_plan: bool = False
    exited_as_expected: bool = False
    planned_pids: tuple[int, ...] = ()
    started_pids: tuple[int, ...] = ()
    ended_pids: tuple[int, ...] = ()
    heard_at: float = -math.inf

    def tally(self) -> ProcessTally:
        """Return what was counted, as a value."""
        return ProcessTally(
            starts=self.starts,
            start_failures=self.start_failures,
            fatals=self.fatals,
            exits_expected=self.exits_expected,
            exits_unexpected=self.exits_unexpected,
            restarts=dict(self.restarts),
            downtime_seconds=dict(self.downtime.seconds),
        )

    def plan_stop(self, pid: int) -> None:
        """Take the coming stop of this pid for maintenance."""
        self.planned_pids = _remember(self.planned_pids, pid)

    def apply(self, event: ProcessStateEvent, *, in_run: bool) -> None:
        """Count an event; ``in_run`` tells whether a planned run is under way."""
        at = event.received_at
        state = event.state
        if state is ProcessState.RUNNING:
            self._running(event.pid or 0, at)
        elif state is ProcessState.EXITED:
            self._exited(event.pid or 0, bool(event.expected), at)
        elif state is ProcessState.STOPPING:
            self._stopping(event.pid or 0, event.from_state, at, in_run)
        elif state is ProcessState.STOPPED:
            self._stopped(event.pid or 0, at, in_run)
        elif state is ProcessState.STARTING:
            self._lose_run()
            self.downtime.resume(at)
        elif state is ProcessState.BACKOFF:
            self.start_failures += 1
            self._start_failed(at)
        elif state is ProcessState.FATAL:
            self.fatals += 1
            self._start_failed(at)
        self.state = state
        self.heard_at = at

    def _running(self, pid: int, at: float) -> None:
        if pid in self.ended_pids:
            return
        self._count_start(pid)
        self.downtime.end(at)

    def _exited(self, pid: int, expected: bool, at: float) -> None:
        self.exited_as_expected = expected
        if pid in self.ended_pids:
            return
        self._count_start(pid)
        self._end(pid)
        self._count_exit(expected, at)

    def _stopping(self, pid: int, from_state: ProcessState, at: float, in_run: bool) -> None:
        if pid in self.ended_pids:
            return
        if from_state is ProcessState.RUNNING:
            self._count_start(pid)
        self._stop(pid, at, in_run)

    def _stopped(self, pid: int, at: float, in_run: bool) -> None:
        self.stopped_by_plan = pid in self.planned_pids
        if pid in self.ended_pids:
            return
        self._stop(pid, at, in_run)
        self._end(pid)

    def _stop(self, pid: int, at: float, in_run: bool) -> None:
        cause = Cause.MAINTENANCE if pid in self.planned_pids else Cause.COMMAND
        if pid in self.started_pids:
            self.left_by = cause
        if self.ever_ran and (in_run or cause is Cause.MAINTENANCE):
            self.downtime.begin(cause, at)
        else:
            self.downtime.end(at)

    def _start_failed(self, at: float) -> None:
        self._lose_run()
        self.left_by = Cause.EXIT
        if self.ever_ran:
            self.downtime.begin(Cause.EXIT, at)

    def _count_start(self, pid: int) -> None:
        """Count an entry into RUNNING, once for each pid."""
        if pid in self.started_pids:
            return
        self.starts += 1
        if self.has_run and self.left_by is not None:
            self.restarts[self.left_by] += 1
        self.started_pids = _remember(self.started_pids, pid)
        self.pid = pid
        self.has_run = self.ever_ran = True
        self.left_by = None
        self.run_started_at = None

    def _count_exit(self, expected: bool, at: float) -> None:
        self.left_by = Cause.EXIT
        if expected:
            self.exits_expected += 1
            self.downtime.end(at)
        else:
            self.exits_unexpected += 1
            self.downtime.begin(Cause.EXIT, at)

    def _end(self, pid: int) -> None:
        self.ended_pids = _remember(self.ended_pids, pid) if pid else self.ended_pids
        self.planned_pids = tuple(planned for planned in self.planned_pids if planned != pid)
        self.pid = None

    def _lose_run(self) -> None:
        """Take the run that was RUNNING for ended, without knowing how."""
        if self.pid is not None:
            self._end(self.pid)
            self.left_by = None

    def missed_events(self) -> None:
        """Doubt what only unbroken news can tell: a failed start may have followed a stop."""
        if self.left_by is not Cause.EXIT:
            self.left_by = None

    def doubt_epoch(self) -> None:
        """Doubt that RUNNING was under this supervisord, but count no pid twice."""
        self.has_run = False
        self.left_by = None

    def agrees_with(self, status: ProcessStatus) -> bool:
        """Tell whether a snapshot shows nothing that is not known."""
        if self.state is not status.state or self.downtime.is_paused:
            return False
        if status.state is ProcessState.RUNNING:
            known = (self.has_run, self.pid, self.run_started_at)
            return known == (True, status.pid, status.started_at)
        return self.pid is None or self.pid == status.pid

    def fill_in(self, status: ProcessStatus, *, as_expected: bool, at: float) -> None:
        """Count what a snapshot shows and no event told, nor ever will.

        ``as_expected`` tells whether an EXITED process ended as its configuration expects, ``at``
        is when the snapshot was taken.
        """
        if status.state is not ProcessState.RUNNING:
            self._resume(status, at)
        if status.state in _FAILED_STATES:
            self._fill_in_failure(status.state, at)
        elif status.state is ProcessState.EXITED:
            self._fill_in_exit(status, as_expected, at)
        elif status.state is ProcessState.STOPPED:
            self._fill_in_stop(status, at)
        elif status.pid is not None:
            self._fill_in_pid(status.pid, status, at)
        self.state = status.state

    def _resume(self, status: ProcessStatus, at: float) -> None:
        """Go on with a paused downtime; all of it, when no start was tried since the pause."""
        was_stopped = status.state is ProcessState.STOPPED
        if was_stopped and self.downtime.cause is not Cause.MAINTENANCE:
            return
        tried_at = at if status.started_at is None else status.started_at + 1.0
        self.downtime.resume(-math.inf if tried_at <= self.downtime.counted_to else at)

    def _fill_in_failure(self, state: ProcessState, at: float) -> None:
        known = self.state
        if known is not None and known is not state:
            self.fatals += state is ProcessState.FATAL
            self.start_failures += known is not ProcessState.BACKOFF
        self._start_failed(at)

    def _fill_in_exit(self, status: ProcessStatus, as_expected: bool, at: float) -> None:
        self.exited_as_expected = as_expected
        self.has_run = self.ever_ran = True
        self.left_by = Cause.EXIT
        if self.pid is not None:
            self._end(self.pid)
            # whole seconds: it may have been up to one second later
            ended_at = at if status.stopped_at is None else min(at, status.stopped_at + 1.0)
            self._count_exit(as_expected, ended_at)
        elif as_expected:
            self.downtime.end(at)

    def _fill_in_stop(self, status: ProcessStatus, at: float) -> None:
        """Take a STOPPED process for stopped by command, if the run we know was its last."""
        pid = self.pid
        if pid is None:
            if self.downtime.cause is not Cause.MAINTENANCE:
                self.downtime.end(at)
            return
        self.stopped_by_plan = pid in self.planned_pids
        if self.run_started_at == status.started_at:
            self._stop(pid, at, in_run=False)
            self._end(pid)
        else:
            self.downtime.end(at)
            self._lose_run()

    def _fill_in_pid(self, pid: int, status: ProcessStatus, at: float) -> None:
        if pid != self.pid and pid not in self.ended_pids:
            self._lose_run()
        if status.state is ProcessState.RUNNING:
            self._running(pid, at)
            if pid == self.pid:
                self.has_run = True
                self.run_started_at = status.started_at

    def begin_epoch(self, *, left_at: float | None, has_same_pids: bool) -> None:
        """Forget the runs under a supervisord that is gone, or was reloaded.

        With ``left_at``, what was RUNNING is down since then; without, it was stopped by command.
        After a ``reload`` supervisord ``has_same_pids``: none of them comes again.
        """
        if self.pid is not None and left_at is not None:
            planned = self.pid in self.planned_pids
            self.downtime.begin(Cause.MAINTENANCE if planned else Cause.EXIT, left_at)
        elif left_at is not None:
            self.downtime.resume(left_at)
        self.state = self.pid = self.run_started_at = self.left_by = None
        self.has_run = self.stopped_by_plan = self.exited_as_expected = False
        if not has_same_pids:
            self.planned_pids = self.started_pids = self.ended_pids = ()

    def save(self) -> dict[str, Any]:
        """Return what ``restore`` needs, JSON-able."""
        saved = {name: getattr(self, name) for name in _PLAIN_FIELDS}
        saved["restarts"] = {cause.value: count for cause, count in self.restarts.items()}
        saved["downtime"] = self.downtime.save()
        saved["state"] = None if self.state is None else self.state.name
        saved["left_by"] = None if self.left_by is None else self.left_by.value
        saved |= {name: list(getattr(self, name)) for name in _PID_FIELDS}
        return saved

    @classmethod
    def restore(cls, saved: Mapping[str, Any]) -> ProcessRuns:
        """Go on where ``save`` was. Raises LookupError, TypeError or ValueError for nonsense."""
        values = {name: saved[name] for name in _PLAIN_FIELDS if name in saved}
        values |= {name: tuple(saved[name]) for name in _PID_FIELDS}
        state, left_by = saved["state"], saved["left_by"]
        values["state"] = None if state is None else ProcessState[state]
        values["left_by"] = None if left_by is None else Cause(left_by)
        values["restarts"] = {each: int(saved["restarts"].get(each.value, 0)) for each in Cause}
        values["downtime"] = Downtime.restore(saved["downtime"])
        return cls(**values)


_FAILED_STATES = frozenset({ProcessState.BACKOFF, ProcessState.FATAL})
_PID_FIELDS = ("planned_pids", "started_pids", "ended_pids")
_SPECIAL_FIELDS = (*_PID_FIELDS, "restarts", "downtime", "state", "left_by", "heard_at")
_PLAIN_FIELDS = tuple(
    field.name for field in attrs.fields(ProcessRuns) if field.name not in _SPECIAL_FIELDS
)
