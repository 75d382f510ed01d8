"""A supervisord that only exists as a story: true counts, the events it makes, what it shows.

Nothing runs. A test tells it what happens; it keeps the truth, puts events into a pool as
supervisord does (numbers, a buffer that may overflow, rejected events at its head), and answers
snapshots.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from supervisor_maint.listener.events import (
    Event,
    ForeignEvent,
    ProcessGroupEvent,
    ProcessStateEvent,
    SupervisorStateEvent,
    TickEvent,
)
from supervisor_maint.processes import (
    Namespec,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)
from supervisor_maint.snapshots.tallies import Cause, ProcessTally

S = ProcessState


@attrs.define
class Truth:
    """What really happened to a process."""

    starts: int = 0
    start_failures: int = 0
    fatals: int = 0
    exits_expected: int = 0
    exits_unexpected: int = 0
    restarts: dict = attrs.field(factory=lambda: dict.fromkeys(Cause, 0))
    has_run: bool = False
    left_by: Cause | None = None

    def running(self) -> None:
        self.starts += 1
        if self.has_run:
            self.restarts[self.left_by] += 1
        self.has_run = True

    def counts(self) -> dict:
        return counts(self)


def counts(counted: Truth | ProcessTally) -> dict:
    """Every count but downtime, comparable."""
    plain = ("starts", "start_failures", "fatals", "exits_expected", "exits_unexpected")
    return {name: getattr(counted, name) for name in plain} | {
        f"restarts {cause.value}": counted.restarts[cause] for cause in Cause
    }


@attrs.define
class Process:
    """``truth`` begins with the group; ``ceiling`` is the sum over every group of that name."""

    namespec: Namespec
    ceiling: Truth
    truth: Truth = attrs.field(factory=Truth)
    state: ProcessState = S.STOPPED
    pid: int | None = None
    started_at: float | None = None
    stopped_at: float | None = None
    exit_status: int | None = None
    spawn_error: str = ""
    was_running: bool = False

    @property
    def records(self) -> tuple[Truth, Truth]:
        return self.truth, self.ceiling


class SupervisordStory:
    def __init__(self, names: Iterable[str] = ("web:a", "web:b", "job:job"), now=1_000_000.0):
        self.now = now
        self.names = [Namespec.parse(name) for name in names]
        self.ceilings = {namespec: Truth() for namespec in self.names}
        self.planned: set[tuple[Namespec, int]] = set()
        self.pid = 1
        self._boot(first_pid=10)

    def _boot(self, first_pid: int) -> None:
        self.pid += 1
        self.supervisord = Supervisord(pid=self.pid, started_at=self.now)
        self.serial = -1
        self.next_pid = first_pid
        self.begin()

    def begin(self) -> None:
        """Begin as after a boot or a ``reload``: groups, a pool, and the news that it runs."""
        for ceiling in self.ceilings.values():
            ceiling.has_run = False
        self.processes = {each: Process(each, self.ceilings[each]) for each in self.names}
        self.new_pool()
        self.put(SupervisorStateEvent, "SUPERVISOR_STATE_CHANGE_RUNNING", running=True)

    def new_pool(self) -> None:
        """Begin our pool; the first it is told is that its own group was added."""
        self.pool_serial = -1
        self.queue: list[Event] = []
        self.taken: list[Event] = []
        self.put(ProcessGroupEvent, "PROCESS_GROUP_ADDED", group="maint", added=True)

    # what a pool does

    def _make(self, kind, name, **values) -> Event:
        self.serial += 1
        self.pool_serial += 1
        return kind(
            name=name,
            serial=self.serial,
            pool_serial=self.pool_serial,
            received_at=self.now,
            **values,
        )

    def put(self, kind, name, **values) -> None:
        self.queue.append(self._make(kind, name, **values))

    def take(self) -> Event | None:
        """Hand the oldest event to the listener."""
        if not self.queue:
            return None
        event = attrs.evolve(self.queue.pop(0), received_at=self.now)
        self.taken.append(event)
        return event

    def overflow(self, count: int) -> int:
        """Drop the oldest events, as a full buffer does."""
        dropped = min(count, len(self.queue))
        del self.queue[:dropped]
        return dropped

    def reject_foreign(self) -> None:
        """Another pool rejects an event that is none of ours."""
        self.queue.insert(0, self._make(ForeignEvent, "PROCESS_LOG_STDOUT"))

    def redeliver(self) -> None:
        """Send the last event again: its listener died before it was acknowledged."""
        if self.taken:
            self.queue.insert(0, self.taken[-1])

    def reject_ours(self, back: int) -> None:
        """An event of ours is rejected by another pool: it comes again, or early."""
        known = [
            event
            for event in self.taken + self.queue
            if isinstance(event, (ProcessStateEvent, TickEvent))
        ]
        if known:
            self.queue.insert(0, known[-1 - back % len(known)])

    @property
    def is_in_order(self) -> bool:
        """Tell whether every event came, and waits, in the order of its number."""
        numbers = [event.pool_serial for event in self.queue]
        newest = max((event.pool_serial for event in self.taken), default=-1)
        return numbers == sorted(numbers) and (not numbers or newest < numbers[0])

    def tick(self) -> None:
        self.put(TickEvent, "TICK_5", period=5, when=int(self.now))

    # what happens to a process

    def _change(self, process: Process, state: ProcessState, **values) -> None:
        before, process.state = process.state, state
        self.put(
            ProcessStateEvent,
            f"PROCESS_STATE_{state.name}",
            namespec=process.namespec,
            state=state,
            from_state=before,
            **values,
        )

    def spawn(self, process: Process) -> None:
        """STOPPED, EXITED, FATAL or BACKOFF to STARTING."""
        if process.state not in (S.STOPPED, S.EXITED, S.FATAL, S.BACKOFF):
            return
        self._change(process, S.STARTING)
        process.pid = self.next_pid
        self.next_pid += 1
        process.started_at = float(int(self.now))
        process.exit_status, process.spawn_error = None, ""
        process.was_running = False

    def run(self, process: Process) -> None:
        """STARTING to RUNNING."""
        if process.state is S.STARTING:
            process.was_running = True
            for truth in process.records:
                truth.running()
            self._change(process, S.RUNNING, pid=process.pid)

    def fail(self, process: Process) -> None:
        """STARTING to BACKOFF."""
        if process.state is S.STARTING:
            process.pid, process.spawn_error = None, "Exited too quickly"
            process.stopped_at = float(int(self.now))
            for truth in process.records:
                truth.start_failures += 1
                truth.left_by = Cause.EXIT
            self._change(process, S.BACKOFF)

    def give_up(self, process: Process) -> None:
        """BACKOFF to FATAL."""
        if process.state is S.BACKOFF:
            for truth in process.records:
                truth.fatals += 1
            self._change(process, S.FATAL)

    def exit(self, process: Process, *, expected: bool) -> None:
        """RUNNING to EXITED."""
        if process.state is not S.RUNNING:
            return
        for truth in process.records:
            truth.exits_expected += expected
            truth.exits_unexpected += not expected
            truth.left_by = Cause.EXIT
        process.exit_status = 0 if expected else 1
        process.spawn_error = "" if expected else "Bad exit code 1"
        process.stopped_at = float(int(self.now))
        pid, process.pid = process.pid, None
        self._change(process, S.EXITED, pid=pid, expected=expected)

    def stop(self, process: Process, *, planned: bool = False) -> None:
        """Ask to stop: RUNNING and STARTING to STOPPING, BACKOFF to STOPPED."""
        if process.state is S.BACKOFF:
            self._change(process, S.STOPPED, pid=None)
        elif process.state in (S.RUNNING, S.STARTING):
            if planned:
                self.planned.add((process.namespec, process.pid))
            self._change(process, S.STOPPING, pid=process.pid)

    def stopped(self, process: Process) -> None:
        """STOPPING to STOPPED."""
        if process.state is not S.STOPPING:
            return
        if process.was_running:
            planned = (process.namespec, process.pid) in self.planned
            for truth in process.records:
                truth.left_by = Cause.MAINTENANCE if planned else Cause.COMMAND
        pid, process.pid = process.pid, None
        process.stopped_at = float(int(self.now))
        self._change(process, S.STOPPED, pid=pid)

    def stop_all(self, group: str | None = None) -> None:
        for process in self.processes.values():
            if group is None or process.namespec.group == group:
                if process.state is S.BACKOFF:
                    self.give_up(process)
                self.stop(process)
                self.stopped(process)

    def update(self, group: str) -> None:
        """Remove a group and add it again, as ``update`` does with one that changed."""
        self.stop_all(group)
        self.put(ProcessGroupEvent, "PROCESS_GROUP_REMOVED", group=group, added=False)
        for namespec in self.names:
            if namespec.group == group:
                self.processes[namespec] = Process(namespec, self.ceilings[namespec])
        self.put(ProcessGroupEvent, "PROCESS_GROUP_ADDED", group=group, added=True)

    def reload(self) -> None:
        """Stop everything and begin again in the same life; what was queued is gone."""
        self.put(SupervisorStateEvent, "SUPERVISOR_STATE_CHANGE_STOPPING", running=False)
        self.stop_all()
        self.planned.clear()

    def kill(self) -> None:
        """Die at once and come back as another supervisord, whose pids begin anew."""
        self.planned.clear()
        self._boot(first_pid=10)

    def snapshot(self) -> Snapshot:
        return Snapshot(
            taken_at=self.now,
            supervisord=self.supervisord,
            processes=[
                ProcessStatus(
                    namespec=process.namespec,
                    state=process.state,
                    pid=process.pid,
                    started_at=process.started_at,
                    stopped_at=process.stopped_at,
                    exit_status=process.exit_status if process.state is S.EXITED else None,
                    spawn_error=process.spawn_error,
                )
                for process in self.processes.values()
            ],
        )
