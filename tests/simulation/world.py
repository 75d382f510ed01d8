"""A model of supervisord: its processes, its loop of one second, and what its calls do.

It follows ``supervisor/process.py`` and ``rpcinterface.py`` of 4.3.0. Everything that matters for
a run is judged here, at the moment it happens, from the world's own truth (``blame``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from supervisor_maint.processes import Namespec, ProcessState, ProcessStatus

S = ProcessState
_STARTABLE = frozenset({S.STOPPED, S.EXITED, S.FATAL})
_STOPPABLE = frozenset({S.RUNNING, S.STARTING, S.BACKOFF})
_MOVING = frozenset({S.STARTING, S.BACKOFF, S.STOPPING})
RETRIES = 3


@attrs.define(eq=False)
class Process:
    """One process; ``lives`` is how long its next lives last, None for ever.

    ``is_expected``: when it dies by itself its exit status is one of its ``exitcodes``.
    """

    namespec: Namespec
    start_seconds: float = 1.0
    stop_seconds: float = 0.5
    stop_wait_seconds: float = 10.0
    kill_seconds: float = 0.0  # from SIGKILL to death
    autostart: bool = True
    autorestart: bool = True
    priority: int = 999
    group_priority: int = 999
    is_pool: bool = False
    lives: list[float | None] = attrs.field(factory=list)
    refuses_start: bool = False
    ready_seconds: float = 0.0
    is_expected: bool = True

    state: ProcessState = S.STOPPED
    pid: int = 0
    started_at: float = 0.0
    stopped_at: float = 0.0
    dies_at: float | None = None
    kill_at: float | None = None
    retry_at: float = 0.0
    failures: int = 0
    away_since_at: float | None = None
    running_since_at: float = 0.0
    stopped_by: str = "nobody"
    stop_called_at: float = 0.0
    _status: ProcessStatus | None = None

    def changed(self) -> None:
        self._status = None

    @property
    def is_moving(self) -> bool:
        again = self.state is S.EXITED and self.autorestart
        first = self.state is S.STOPPED and self.autostart and not self.started_at
        return self.state in _MOVING or self.dies_at is not None or again or first

    @property
    def has_ended_on_purpose(self) -> bool:
        """Tell whether it ran to its end as expected, and stays so."""
        return self.state is S.EXITED and self.is_expected and not self.autorestart

    def status(self) -> ProcessStatus:
        if self._status is None:
            has_ended, is_bad = self.state is S.EXITED, not self.is_expected
            self._status = ProcessStatus(
                namespec=self.namespec,
                state=self.state,
                pid=self.pid or None,
                started_at=float(int(self.started_at)) or None,
                stopped_at=float(int(self.stopped_at)) or None,
                exit_status=int(is_bad) if has_ended else None,
                spawn_error="Bad exit code 1" if has_ended and is_bad else "",
            )
        return self._status


@attrs.define(eq=False)
class Supervisord:
    """The processes and the loop. ``tell`` is called at each change of state, like an event."""

    processes: dict[Namespec, Process]
    tell: Callable[[float, Process], None]
    is_alive: bool = True
    thaws_at: float = 0.0  # while the clock is before this, it hangs
    turned_at: float = 0.0
    life: int = 0  # a call in flight does not outlive a reload: the sockets are closed
    _next_pid: int = 1000

    def is_frozen(self, now: float) -> bool:
        return now < self.thaws_at

    @property
    def is_moving(self) -> bool:
        return self.is_alive and any(process.is_moving for process in self.processes.values())

    def turn(self, now: float) -> None:
        """One turn of the main loop: transitions, then reaping."""
        if not self.is_alive or self.is_frozen(now):
            return
        self.turned_at = now
        for process in self.processes.values():
            self._transition(process, now)
            if process.dies_at is not None and process.dies_at <= now:
                self._reap(process, now)

    def statuses(
        self, namespecs: Iterable[Namespec], now: float
    ) -> dict[Namespec, ProcessStatus | None]:
        found = {
            spec: self.processes[spec].status() if spec in self.processes else None
            for spec in namespecs
        }
        self.turn(now)
        return found

    def stop(self, namespec: Namespec, now: float, by: str) -> str:
        """``stopProcess(wait=False)``: an empty text, or the fault."""
        process = self.processes.get(namespec)
        if process is None:
            return "BAD_NAME"
        if process.state not in _STOPPABLE:
            return "NOT_RUNNING"
        process.stopped_by = by
        process.stop_called_at = now
        if process.state is S.BACKOFF:
            process.stopped_at = now
            self._enter(process, S.STOPPED, now)
        else:
            process.kill_at = now + process.stop_wait_seconds
            death_at = now + process.stop_seconds
            process.dies_at = min(death_at, process.dies_at or death_at)
            self._enter(process, S.STOPPING, now)
        self.turn(now)
        return ""

    def start(self, namespec: Namespec, now: float) -> str:
        """``startProcess(wait=False)``: an empty text, or the fault."""
        process = self.processes.get(namespec)
        if process is None:
            return "BAD_NAME"
        if process.refuses_start:
            return "NO_FILE"
        if process.state in _STOPPABLE:
            return "ALREADY_STARTED"
        if process.state in _STARTABLE:
            process.failures = 0
            self._spawn(process, now)
        self.turn(now)
        return ""

    def crash(self, namespec: Namespec, now: float) -> None:
        """A process dies by itself."""
        process = self.processes.get(namespec)
        if process is not None and process.pid:
            process.dies_at = now

    def reload(self, now: float) -> None:
        """Every process is stopped, forgotten, and those with autostart are started."""
        self.life += 1
        for process in self.processes.values():
            self._forget(process, now, by="reload")
        self.turn(now)

    def die(self, now: float) -> None:
        """Supervisord and all its processes are killed."""
        for process in self.processes.values():
            self._forget(process, now, by="crash")
        self.is_alive = False

    def boot(self, now: float) -> None:
        """Another supervisord begins."""
        self.is_alive = True
        self.life += 1
        self.turn(now)

    def _forget(self, process: Process, now: float, by: str) -> None:
        if process.state is not S.STOPPED and process.state is not S.STOPPING:
            process.stopped_by = by
        process.started_at = process.stopped_at = 0.0
        process.pid = 0
        process.dies_at = process.kill_at = None
        process.failures = 0
        self._enter(process, S.STOPPED, now)

    def _spawn(self, process: Process, now: float) -> None:
        self._next_pid += 1
        process.pid = self._next_pid
        process.started_at = now
        process.kill_at = None
        life = process.lives.pop(0) if process.lives else None
        process.dies_at = None if life is None else now + life
        self._enter(process, S.STARTING, now)

    def _transition(self, process: Process, now: float) -> None:
        state = process.state
        if state is S.STARTING and now - process.started_at > process.start_seconds:
            process.failures = 0
            process.running_since_at = now
            self._enter(process, S.RUNNING, now)
        elif state is S.STOPPING and process.kill_at is not None and now >= process.kill_at:
            process.kill_at = None
            dead_at = now + process.kill_seconds
            process.dies_at = min(dead_at, process.dies_at or dead_at)
        elif state is S.BACKOFF and now >= process.retry_at:
            if process.failures > RETRIES:
                self._enter(process, S.FATAL, now)
            else:
                self._spawn(process, now)
        elif (state is S.EXITED and process.autorestart) or (
            state is S.STOPPED and process.autostart and not process.started_at
        ):
            self._spawn(process, now)

    def _reap(self, process: Process, now: float) -> None:
        process.dies_at = process.kill_at = None
        process.pid = 0
        process.stopped_at = now
        if process.state is S.STOPPING:
            self._enter(process, S.STOPPED, now)
        elif process.state is S.STARTING:
            process.failures += 1
            process.retry_at = now + process.failures
            process.stopped_by = "exit"
            self._enter(process, S.BACKOFF, now)
        else:
            process.stopped_by = "exit"
            self._enter(process, S.EXITED, now)

    def _enter(self, process: Process, state: ProcessState, now: float) -> None:
        process.state = state
        process.changed()
        if state is not S.RUNNING and process.away_since_at is None:
            process.away_since_at = now
        if state is S.RUNNING:
            process.away_since_at = None
        self.tell(now, process)
