"""What the listener's shell does for each action, as the contract of ``actions`` has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from supervisor_maint.maintenance import blockers
from supervisor_maint.maintenance.actions import (
    Action,
    Announce,
    AskBlockers,
    AwaitStep,
    CheckReady,
    Nudge,
    Record,
    RotateLogs,
    RunStep,
    StartProcesses,
    StepPhase,
    StopProcesses,
    TakeSnapshot,
    WakeAt,
    WatchPid,
    When,
)
from supervisor_maint.maintenance.blockers import Circumstances
from supervisor_maint.maintenance.observation import (
    AfterTaken,
    Announced,
    BeforeTaken,
    BlockersAnswer,
    CallKind,
    CallOutcome,
    CallResult,
    NotTaken,
    Published,
    ReadyAnswer,
    Result,
    StepOutcome,
    StepResult,
)
from supervisor_maint.maintenance.run import Run
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import Namespec, ProcessConfig, ProcessState, Snapshot, Supervisord
from supervisor_maint.store.records import Hold
from tests.simulation.scenario import BEGIN_AT, OWN

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

S = ProcessState
RPC_TIMEOUT_SECONDS = 5.0


@attrs.define
class Listener:
    """One life of the listener: what it keeps in memory only."""

    run: Run | None = None
    results: list[Result] = attrs.field(factory=list)
    is_waking: bool = False
    timer: float | None = None
    cancelled_by: str | None = None
    children: set[str] = attrs.field(factory=set)


@attrs.frozen
class Moment:
    """When a call was decided on, what was seen last then, and in which life of supervisord."""

    decided_at: float
    observed_at: float
    life: int


def perform(sim: Simulation, listener: Listener, action: Action) -> None:
    if isinstance(action, Record):
        subject = f"{action.namespec} " if action.namespec else ""
        sim.tell(f"  > {subject}{action.text}")
    else:
        _PERFORM[type(action)](sim, listener, action)


def _wake_at(sim: Simulation, listener: Listener, action: WakeAt) -> None:
    if sim.shell.wakes_itself:
        listener.timer = action.at
        sim.later(max(0.0, action.at - sim.now), _timer, sim, listener, action.at)


def _timer(sim: Simulation, listener: Listener, at: float) -> None:
    if listener is sim.listener and listener.timer == at:
        sim.wake()


def _nudge(sim: Simulation, _: Listener, __: Nudge) -> None:
    sim.world.turn(sim.now)


def _watch(sim: Simulation, _: Listener, action: WatchPid) -> None:
    process = sim.world.processes[action.namespec]
    if sim.scenario.pids_are_watched and sim.watched.get(action.namespec) != action.pid:
        sim.watched[action.namespec] = action.pid
        if process.pid == action.pid and process.dies_at is not None:
            sim.later(max(0.0, process.dies_at - sim.now), sim.pid_ends)


def _stop(sim: Simulation, listener: Listener, action: StopProcesses) -> None:
    _call(sim, listener, CallKind.STOP, action.namespecs)


def _start(sim: Simulation, listener: Listener, action: StartProcesses) -> None:
    _call(sim, listener, CallKind.START, action.namespecs)


def _call(
    sim: Simulation, listener: Listener, kind: CallKind, namespecs: tuple[Namespec, ...]
) -> None:
    sim.tell(f"  -> {kind.value} {', '.join(map(str, namespecs))}")
    rng = sim.scenario.rng
    fate = rng.choice(["before", "after"]) if rng.random() < sim.scenario.lost_calls else ""
    if fate:
        lost = [_result(kind, spec, CallOutcome.UNKNOWN) for spec in namespecs]
        sim.later(RPC_TIMEOUT_SECONDS, sim.answer, listener, *lost)
    if fate != "before":
        moment = Moment(sim.now, sim.observed_at, sim.world.life)
        delay = rng.choice([0.001, 0.001, 0.02])
        sim.later(delay, _execute, sim, None if fate else listener, kind, namespecs, moment)


def _execute(
    sim: Simulation,
    listener: Listener | None,
    kind: CallKind,
    namespecs: tuple[Namespec, ...],
    moment: Moment,
) -> None:
    if sim.world.is_frozen(sim.now):
        wait = sim.world.thaws_at - sim.now
        if listener is not None and wait > RPC_TIMEOUT_SECONDS:
            lost = [_result(kind, spec, CallOutcome.UNKNOWN) for spec in namespecs]
            sim.later(RPC_TIMEOUT_SECONDS, sim.answer, listener, *lost)
            listener = None
        sim.later(wait, _execute, sim, listener, kind, namespecs, moment)
        return
    results = [_execute_one(sim, kind, spec, moment) for spec in namespecs]
    if listener is not None:
        sim.later(0.001, sim.answer, listener, *results)


def _execute_one(sim: Simulation, kind: CallKind, spec: Namespec, moment: Moment) -> CallResult:
    if not sim.world.is_alive or sim.world.life != moment.life:
        return _result(kind, spec, CallOutcome.UNKNOWN)
    process = sim.world.processes[spec]
    if kind is CallKind.STOP:
        if process.state in (S.RUNNING, S.STARTING, S.BACKOFF):
            sim.judge.stopping(process, sim.now, moment.observed_at, moment.decided_at)
        fault = sim.world.stop(spec, sim.now, "run")
    else:
        sim.judge.starting(process, sim.journal, moment.observed_at)
        fault = sim.world.start(spec, sim.now)
    return _result(kind, spec, CallOutcome.REFUSED if fault else CallOutcome.ACCEPTED, fault)


def _result(kind: CallKind, spec: Namespec, outcome: CallOutcome, reason: str = "") -> CallResult:
    return CallResult(kind=kind, namespec=spec, outcome=outcome, reason=reason)


def _run_step(sim: Simulation, listener: Listener, action: RunStep) -> None:
    name = action.step.name
    orphan_ends_at = sim.children.get(name, 0.0)
    if orphan_ends_at > sim.now and name not in listener.children:
        sim.later(orphan_ends_at - sim.now, _begin_step, sim, listener, action)
    else:
        _begin_step(sim, listener, action)


def _begin_step(sim: Simulation, listener: Listener, action: RunStep) -> None:
    if listener is not sim.listener:
        return
    name = action.step.name
    running = sim.children.get(name, 0.0) > sim.now
    sim.judge.step_begins(name, is_running=running, idempotent=action.step.idempotent)
    seconds, outcome = sim.scenario.step_ends[name]
    listener.children.add(name)
    sim.children[name] = sim.now + seconds
    result = StepResult(
        phase=action.phase,
        name=name,
        attempt=action.attempt,
        outcome=outcome,
        reason="so it is",
    )
    sim.later(seconds, sim.answer, listener, result)


def _await_step(sim: Simulation, listener: Listener, action: AwaitStep) -> None:
    wait = max(0.01, sim.children.get(action.step.name, 0.0) - sim.now)
    result = StepResult(
        phase=action.phase,
        name=action.step.name,
        attempt=action.attempt,
        outcome=StepOutcome.UNKNOWN,
        reason="nobody saw its end",
    )
    sim.later(wait, sim.answer, listener, result)


def _rotate(sim: Simulation, listener: Listener, action: RotateLogs) -> None:
    sim.judge.step_begins("rotate-logs", is_running=False, idempotent=False)
    result = StepResult(
        phase=StepPhase.ROTATE,
        name="rotate-logs",
        attempt=action.attempt,
        outcome=StepOutcome.SUCCEEDED,
    )
    sim.later(0.2, sim.answer, listener, result)


def _ask_blockers(sim: Simulation, listener: Listener, _: AskBlockers) -> None:
    held_until_at = BEGIN_AT + sim.scenario.hold_seconds
    hold = Hold(plan="nightly", since_at=BEGIN_AT - 60.0, until_at=held_until_at)
    found = Circumstances(
        holds=(hold,) if sim.scenario.hold_seconds else (),
        journal_problem=None if sim.now >= sim.journal_fails_until_at else "disk full",
        supervisord_state="RUNNING" if sim.world.is_alive else None,
        unknown_groups=(),
    )
    answer = blockers.find(sim.scenario.plan, found, sim.now)
    if not answer and sim.scenario.hold_seconds and sim.now < held_until_at:
        sim.judge.find("hold_is_respected", f"held until {held_until_at - BEGIN_AT:g}")
    sim.later(0.05, sim.answer, listener, BlockersAnswer(answer))


def _announce(sim: Simulation, listener: Listener, _: Announce) -> None:
    answers: list[Result] = [Published(), Announced()]
    for seconds, answer in zip(sim.scenario.announcement, answers):
        if seconds is not None:
            sim.later(seconds, _told, sim, listener, answer)


def _told(sim: Simulation, listener: Listener, answer: Result) -> None:
    if listener is sim.listener:
        sim.judge.told(sim.now, is_announced=isinstance(answer, Announced))
    sim.answer(listener, answer)


def _take_snapshot(sim: Simulation, listener: Listener, action: TakeSnapshot) -> None:
    sim.later(0.02, _snapshot, sim, listener, action.when)


def _snapshot(sim: Simulation, listener: Listener, when: When) -> None:
    if listener is not sim.listener:
        return
    if not sim.world.is_alive or sim.world.is_frozen(sim.now):
        sim.answer(listener, NotTaken(when, "supervisord does not answer"))
        return
    statuses = [process.status() for process in sim.world.processes.values()]
    supervisord = Supervisord(pid=1, started_at=1.0)
    snapshot = Snapshot(taken_at=sim.now, supervisord=supervisord, processes=statuses)
    if when is When.AFTER:
        sim.answer(listener, AfterTaken(snapshot=snapshot))
        return
    sim.judge.take_before()
    sim.answer(listener, BeforeTaken(snapshot=snapshot, configs=_configs(sim), pools=_pools(sim)))


def _configs(sim) -> dict[Namespec, ProcessConfig]:
    return {
        spec: ProcessConfig(
            namespec=spec,
            group_priority=process.group_priority,
            process_priority=process.priority,
            autostart=process.autostart,
            start_seconds=process.start_seconds,
            stop_wait_seconds=process.stop_wait_seconds,
        )
        for spec, process in sim.world.processes.items()
    }


def _pools(sim) -> Pools:
    if not sim.scenario.pools_are_known:
        return Pools(own_group=OWN.group)
    processes = sim.world.processes.values()
    pools = frozenset(one.namespec.group for one in processes if one.is_pool)
    groups = frozenset(one.namespec.group for one in processes) - pools
    return Pools(pools=pools, programs=groups, own_group=OWN.group)


def _check_ready(sim: Simulation, listener: Listener, action: CheckReady) -> None:
    sim.later(0.01, _ready, sim, listener, action)


def _ready(sim: Simulation, listener: Listener, action: CheckReady) -> None:
    process = sim.world.processes[action.namespec]
    runs = process.state is S.RUNNING and process.pid == action.pid
    is_ready = runs and sim.now >= process.running_since_at + process.ready_seconds
    sim.answer(
        listener,
        ReadyAnswer(namespec=action.namespec, pid=action.pid, is_ready=is_ready, reason="not yet"),
    )


_PERFORM: dict[type, Callable[[Simulation, Listener, Any], None]] = {
    WakeAt: _wake_at,
    Nudge: _nudge,
    WatchPid: _watch,
    StopProcesses: _stop,
    StartProcesses: _start,
    RunStep: _run_step,
    AwaitStep: _await_step,
    RotateLogs: _rotate,
    AskBlockers: _ask_blockers,
    Announce: _announce,
    TakeSnapshot: _take_snapshot,
    CheckReady: _check_ready,
}
