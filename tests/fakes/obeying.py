"""A supervisord that obeys: what it is told to stop and start takes its time, on a test's clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping

import attrs

from supervisor_maint.errors import SupervisorError
from supervisor_maint.processes import (
    Look,
    Namespec,
    OutputSizes,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)
from tests.fakes.watching import SUPERVISORD, Teller, config, ns

STOP_SECONDS = 0.5
START_SECONDS = 1.0

RUNNING, STOPPED = ProcessState.RUNNING, ProcessState.STOPPED
STARTING, STOPPING = ProcessState.STARTING, ProcessState.STOPPING
_pids = itertools.count(100)


@attrs.define
class Program:
    """One process. ``breaks`` has it end as FATAL when it is started the next time."""

    namespec: Namespec
    state: ProcessState = RUNNING
    pid: int | None = attrs.field(factory=lambda: next(_pids))
    started_at: float | None = None
    stopped_at: float | None = None
    changes_at: float | None = None
    stop_seconds: float = STOP_SECONDS
    breaks: bool = False
    stops: int = 0


class Obeying:
    """Implements ``effects.Supervisor``; ``trouble`` is raised by every call while it is set.

    ``output`` is what every process has written, ``last_words`` what one adds that breaks.
    ``teller`` is told of every transition, as a listener would be.
    """

    def __init__(self, clock: Callable[[], float], *names: str) -> None:
        self._clock = clock
        began = clock() - 3000
        self.programs = {ns(name): Program(ns(name), started_at=began) for name in names}
        self.supervisord: Supervisord = SUPERVISORD
        self.trouble: SupervisorError | None = None
        self.teller: Teller | None = None
        self.start_seconds: dict[Namespec, float] = {}
        self.log = ""
        self.output = ""
        self.last_words = ""
        self.calls: list[str] = []
        self.fewest_running = len(names)

    def __getitem__(self, name: str) -> Program:
        self._pass_time()
        return self.programs[ns(name)]

    @property
    def states(self) -> dict[str, str]:
        self._pass_time()
        return {str(namespec): each.state.name for namespec, each in self.programs.items()}

    def identify(self) -> Supervisord:
        self._called("identify")
        return self.supervisord

    def snapshot(self) -> Snapshot:
        self._called("snapshot")
        return Snapshot(
            taken_at=self._clock(),
            supervisord=self.supervisord,
            processes=[_status(each) for each in self.programs.values()],
        )

    def configs(self) -> Mapping[Namespec, ProcessConfig]:
        self._called("configs")
        return {
            namespec: attrs.evolve(config(str(namespec)), namespec=namespec)
            for namespec in self.programs
        }

    def look(self, namespecs: Collection[Namespec]) -> Look:
        self._called("look")
        found = {namespec: self.programs.get(namespec) for namespec in namespecs}
        return Look(
            supervisord_state=self.supervisord.state,
            statuses={
                name: None if each is None else _status(each) for name, each in found.items()
            },
        )

    def start(self, namespecs: Collection[Namespec]) -> Mapping[Namespec, str | None]:
        self._called("start")
        for namespec in namespecs:
            self.restart_by_hand(namespec)
        return dict.fromkeys(namespecs)

    def stop(self, namespecs: Collection[Namespec]) -> Mapping[Namespec, str | None]:
        self._called("stop")
        for namespec in namespecs:
            program = self.programs[namespec]
            assert program.state is RUNNING, f"{namespec} is {program.state.name}, and stopped"
            program.stops += 1
            program.state = STOPPING
            program.changes_at = self._clock() + program.stop_seconds
            self._tell(program, f"STOPPING {program.pid}")
        self._count()
        return dict.fromkeys(namespecs)

    def restart_by_hand(self, namespec: Namespec) -> None:
        program = self.programs[namespec]
        assert program.state is not RUNNING, f"{namespec} runs already"
        program.state, program.pid = STARTING, next(_pids)
        program.started_at = self._clock()
        program.changes_at = self._clock() + self.start_seconds.get(namespec, START_SECONDS)
        self._tell(program, "STARTING")

    def log_tail(self, length: int) -> str:
        self._called("log_tail")
        return self.log[-length:]

    def output_sizes(self, namespecs: Collection[Namespec]) -> Mapping[Namespec, OutputSizes]:
        self._called("output_sizes")
        return dict.fromkeys(namespecs, OutputSizes(stderr=len(self.output)))

    def output_tail(
        self, namespec: Namespec, length: int, *, since: OutputSizes | None = None
    ) -> str:
        self._called("output_tail")
        return self.output[0 if since is None else since.stderr :][-length:]

    def nudge(self) -> None:
        self._called("nudge")

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.trouble is not None:
            raise self.trouble
        self._pass_time()

    def _pass_time(self) -> None:
        for program in self.programs.values():
            if program.changes_at is not None and self._clock() >= program.changes_at:
                self._change(program)
        self._count()

    def _change(self, program: Program) -> None:
        changed_at, program.changes_at = program.changes_at, None
        if program.state is STOPPING:
            self._tell(program, f"STOPPED {program.pid}")
            program.state, program.pid, program.stopped_at = STOPPED, None, changed_at
        elif program.breaks:
            self.output += self.last_words
            self._tell(program, "BACKOFF", "FATAL")
            program.state, program.pid = ProcessState.FATAL, None
        else:
            program.state = RUNNING
            self._tell(program, f"RUNNING {program.pid}")

    def _count(self) -> None:
        running = sum(each.state is RUNNING for each in self.programs.values())
        self.fewest_running = min(self.fewest_running, running)

    def _tell(self, program: Program, *steps: str) -> None:
        if self.teller is not None:
            self.teller.at = self._clock()
            self.teller.process(str(program.namespec), *steps)


def _status(program: Program) -> ProcessStatus:
    return ProcessStatus(
        namespec=program.namespec,
        state=program.state,
        pid=program.pid,
        started_at=program.started_at,
        stopped_at=program.stopped_at,
        spawn_error="Exited too quickly" if program.state is ProcessState.FATAL else "",
    )
