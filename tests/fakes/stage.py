"""A run and the little world it needs: two processes that a test moves by hand."""

from __future__ import annotations

from typing import Any

import attrs

from supervisor_maint.maintenance.actions import Action, StepPhase
from supervisor_maint.maintenance.advance import advance
from supervisor_maint.maintenance.observation import (
    BeforeTaken,
    BlockersAnswer,
    CallKind,
    CallOutcome,
    CallResult,
    Observation,
    Published,
    Result,
    StepOutcome,
    StepResult,
)
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.run import new_run
from supervisor_maint.maintenance.target import Progress
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import Namespec, ProcessState, ProcessStatus, Snapshot, Supervisord

S = ProcessState
T = 1_700_000_000.0
A, B = Namespec("web", "web1"), Namespec("web", "web2")
POOLS = Pools(programs=frozenset({"web", "db"}), own_group="maint")


class Stage:
    """A run with the little world it needs: two processes that a test moves by hand."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.plan = plan or Plan(name="nightly", settle_seconds=0)
        self.run = new_run("r1", self.plan, now=T, scheduled_at=T)
        self.now = T
        self.statuses = {spec: status(spec, S.RUNNING, pid=10 + n) for n, spec in enumerate((A, B))}
        self.actions: tuple[Action, ...] = ()
        self.only_looks_again = False

    def turn(self, *results: Result, seconds: float = 0.0, **changes: Any) -> None:
        """Let time pass, and the run take a turn."""
        self.now += seconds
        watched = {spec: self.statuses.get(spec) for spec in self.run.watched}
        observation = Observation(**{"statuses": watched, "results": results, **changes})
        decision = advance(self.run, observation, self.now)
        self.only_looks_again = decision.only_looks_again(self.run, self.now)
        self.run, self.actions = decision.run, decision.actions

    def move(self, namespec: Namespec, state: ProcessState, pid: int | None = None) -> None:
        """Put a process into a state; with another pid it was started just now."""
        old = self.statuses[namespec]
        pid = pid if pid is not None else (old.pid if state.is_up else None)
        started_at = self.now if pid is not None and pid != old.pid else old.started_at
        self.statuses[namespec] = attrs.evolve(
            old, state=state, pid=pid, started_at=started_at, stopped_at=self.now
        )

    def begin(self) -> None:
        """Take the run into RESTARTING, as far as there are no steps."""
        self.turn()
        self.turn(BlockersAnswer(()))
        self.turn(self.before(), Published())

    def before(self) -> BeforeTaken:
        return BeforeTaken(snapshot=self.snapshot(), configs={}, pools=POOLS)

    def snapshot(self) -> Snapshot:
        supervisord = Supervisord(pid=1, started_at=1.0)
        return Snapshot(
            taken_at=self.now, supervisord=supervisord, processes=list(self.statuses.values())
        )

    def answer(
        self, kind: CallKind, *specs: Namespec, outcome: CallOutcome = CallOutcome.ACCEPTED
    ) -> tuple[CallResult, ...]:
        return tuple(
            CallResult(kind=kind, namespec=spec, outcome=outcome, reason="so") for spec in specs
        )

    def restart(self, spec: Namespec, pid: int) -> None:
        """Take a process that was asked to stop through its restart."""
        self.turn(*self.answer(CallKind.STOP, spec))
        self.move(spec, S.STOPPED)
        self.turn(seconds=0.5)
        self.move(spec, S.STARTING, pid)
        self.turn(*self.answer(CallKind.START, spec))
        self.move(spec, S.RUNNING)
        self.turn(seconds=1.0)

    def wanted(self, kind: type) -> list[Any]:
        return [action for action in self.actions if isinstance(action, kind)]

    def progress(self, spec: Namespec) -> Progress:
        return next(one.progress for one in self.run.targets or () if one.namespec == spec)


def status(spec: Namespec, state: ProcessState, pid: int | None = None) -> ProcessStatus:
    """Return what supervisord tells of a process that was started long ago."""
    return ProcessStatus(namespec=spec, state=state, pid=pid, started_at=T - 1000)


def nightly(**settings: Any) -> Plan:
    """Make the plan ``nightly``, which does not wait for anything to settle."""
    return Plan(**{"name": "nightly", "settle_seconds": 0, **settings})


def ended(
    name: str,
    outcome: StepOutcome = StepOutcome.SUCCEEDED,
    phase: StepPhase = StepPhase.PRE,
    attempt: int = 1,
) -> StepResult:
    """Return how a step of the run ended."""
    return StepResult(phase=phase, name=name, attempt=attempt, outcome=outcome, reason="so")
