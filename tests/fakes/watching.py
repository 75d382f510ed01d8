"""Short ways to say events, statuses and snapshots in tests of the watch."""

from __future__ import annotations

from supervisor_maint.listener.events import (
    ForeignEvent,
    ProcessGroupEvent,
    ProcessStateEvent,
    SupervisorStateEvent,
    TickEvent,
)
from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)
from supervisor_maint.snapshots.watch import Watch

NOW = 1_000_000.0
SUPERVISORD = Supervisord(pid=7, started_at=NOW - 5000)
OTHER_SUPERVISORD = Supervisord(pid=8, started_at=NOW - 1)

_CAME_FROM = {
    "RUNNING": "STARTING",
    "STOPPING": "RUNNING",
    "STOPPED": "STOPPING",
    "EXITED": "RUNNING",
    "BACKOFF": "STARTING",
    "FATAL": "BACKOFF",
}


def ns(name: str) -> Namespec:
    return Namespec.parse(name)


def status(name: str, state: str, pid: int | None = None, **values) -> ProcessStatus:
    """A status; what is up has a pid and began long ago unless told otherwise."""
    if state in ("RUNNING", "STARTING", "STOPPING"):
        pid = 100 if pid is None else pid
        values.setdefault("started_at", NOW - 3000)
    return ProcessStatus(namespec=ns(name), state=ProcessState[state], pid=pid, **values)


def snapshot(*statuses: ProcessStatus, at: float = NOW, supervisord=SUPERVISORD) -> Snapshot:
    return Snapshot(taken_at=at, supervisord=supervisord, processes=statuses)


def config(name: str, **values) -> ProcessConfig:
    known = {
        "group_priority": 999,
        "process_priority": 999,
        "autostart": True,
        "start_seconds": 1.0,
        "stop_wait_seconds": 10.0,
    }
    return ProcessConfig(namespec=ns(name), **{**known, **values})


class Teller:
    """Hands events to a watch, with the numbers that supervisord would give them."""

    def __init__(self, watch: Watch, at: float = NOW, first: int = 0) -> None:
        self.watch = watch
        self.at = at
        self.number = self.serial = first - 1

    def new_pool(self) -> Teller:
        """Number from 0 again under the same supervisord, as after an update of our stanza."""
        self.number = -1
        return self

    def _tell(self, kind, name: str, **values) -> None:
        self.number += 1
        self.serial += 1
        event = kind(
            name=name,
            serial=self.serial,
            pool_serial=self.number,
            received_at=self.at,
            **values,
        )
        self.watch.receive(event)

    def wait(self, seconds: float) -> Teller:
        self.at += seconds
        return self

    def skip(self, count: int = 1) -> Teller:
        """Lose events."""
        self.number += count
        self.serial += count
        return self

    def process(self, name: str, *steps: str) -> Teller:
        """Tell transitions: "RUNNING 5", "STOPPING 5 STARTING" (from), "EXITED 5 ok"."""
        for step in steps:
            state, *words = step.split()
            came_from = words[1] if state == "STOPPING" and words[1:] else _CAME_FROM.get(state)
            self._tell(
                ProcessStateEvent,
                f"PROCESS_STATE_{state}",
                namespec=ns(name),
                state=ProcessState[state],
                from_state=ProcessState[came_from or "STOPPED"],
                pid=int(words[0]) if words else None,
                expected="ok" in words if state == "EXITED" else None,
            )
        return self

    def group(self, name: str, *, added: bool) -> Teller:
        word = "ADDED" if added else "REMOVED"
        self._tell(ProcessGroupEvent, f"PROCESS_GROUP_{word}", group=name, added=added)
        return self

    def supervisord(self, *, running: bool) -> Teller:
        word = "RUNNING" if running else "STOPPING"
        self._tell(SupervisorStateEvent, f"SUPERVISOR_STATE_CHANGE_{word}", running=running)
        return self

    def tick(self) -> Teller:
        self._tell(TickEvent, "TICK_5", period=5, when=int(self.at))
        return self

    def foreign(self) -> Teller:
        self._tell(ForeignEvent, "PROCESS_LOG_STDOUT")
        return self


def settled(*statuses: ProcessStatus, supervisord=SUPERVISORD) -> tuple[Watch, Teller]:
    """A watch whose baseline is these statuses, settled at NOW, and who tells it more."""
    watch = Watch.begin(NOW - 100)
    watch.observe(snapshot(*statuses, at=NOW, supervisord=supervisord))
    teller = Teller(watch, at=NOW + 100).tick()
    return watch, teller
