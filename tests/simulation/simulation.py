"""One seed, played out: a listener that may die at any moment, in a world that does as it likes.

Time is a heap of things to come; nothing here depends on the machine. The listener's shell is
modelled as the contract of ``maintenance.actions`` and ``maintenance.observation`` has it.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable
from typing import Any

import attrs

from supervisor_maint.maintenance import advance as advancing
from supervisor_maint.maintenance import blockers
from supervisor_maint.maintenance.actions import (
    Action,
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
    BeforeTaken,
    BlockersAnswer,
    CallKind,
    CallOutcome,
    CallResult,
    NotTaken,
    Observation,
    ReadyAnswer,
    Result,
    StepOutcome,
    StepResult,
)
from supervisor_maint.maintenance.run import Phase, Run, new_run, resumed
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import Namespec, ProcessConfig, ProcessState, Snapshot, Supervisord
from supervisor_maint.store.records import Hold
from supervisor_maint.store.requests import Request, Verb
from tests.simulation.judge import Judge, Violation
from tests.simulation.scenario import BEGIN_AT, OWN, Scenario, Trouble, draw
from tests.simulation.world import Process
from tests.simulation.world import Supervisord as World

S = ProcessState
RPC_TIMEOUT_SECONDS = 5.0
# Longer than any run may take: start_within, preparing, max_duration, an hour, and recovery.
LIMIT_SECONDS = 3 * 3600.0
MAX_MOMENTS = 20_000


@attrs.define
class Shell:
    """Where a mutant can break the listener; every flag is right as it is by default."""

    journals: bool = True
    wakes_itself: bool = True
    checks_expiry: bool = True


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


class Crash(Exception):
    """The listener dies here."""


@attrs.define
class Simulation:
    """The world, the listener and the judge, in time."""

    scenario: Scenario
    shell: Shell = attrs.field(factory=Shell)
    tells_story: bool = False
    now: float = BEGIN_AT - 30.0
    heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = attrs.field(factory=list)
    counter: int = 0
    moments: int = 0
    points: int = 0
    turn_is_planned: bool = False
    world: World = attrs.field(init=False)
    judge: Judge = attrs.field(init=False)
    listener: Listener | None = attrs.field(factory=Listener)
    journal: Run | None = None
    journal_fails_until_at: float = 0.0
    observed_at: float = 0.0
    children: dict[str, float] = attrs.field(factory=dict)
    watched: dict[Namespec, int] = attrs.field(factory=dict)
    is_over: bool = False
    story: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        processes = {process.namespec: process for process in self.scenario.processes}
        self.world = World(processes, self._event)
        self.judge = Judge(self.scenario.plan, processes)

    # Time

    def later(self, seconds: float, what: Callable[..., None], *args: Any) -> None:
        self.counter += 1
        heapq.heappush(self.heap, (self.now + seconds, self.counter, what, args))

    def play(self) -> None:
        """Play until the run is over and a minute has passed."""
        self.world.boot(self.now)
        for trouble in self.scenario.troubles:
            self.later(trouble.at - self.now, self._trouble, trouble)
        self.later(BEGIN_AT - self.now, self._begin)
        while self.heap and not self.is_over and self.moments < MAX_MOMENTS:
            self.moments += 1
            self.now, _, what, args = heapq.heappop(self.heap)
            what(*args)
            self._plan_turn()
            if self.now > BEGIN_AT + LIMIT_SECONDS:
                break
        if not self.is_over:
            phase = self.journal.phase.name if self.journal else "nothing"
            self.judge.find("every_run_ends", f"{phase} after {self.now - BEGIN_AT:.0f} s")

    def _plan_turn(self) -> None:
        if not self.turn_is_planned and self.world.is_moving:
            self.turn_is_planned = True
            wait = max(self.world.turned_at + 1.0, self.world.thaws_at) - self.now
            self.later(max(0.001, wait), self._turn)

    def _turn(self) -> None:
        self.turn_is_planned = False
        self.world.turn(self.now)

    def tell(self, text: str) -> None:
        if self.tells_story:
            self.story.append(f"{self.now - BEGIN_AT:9.3f}  {text}")

    # The world's side

    def _event(self, now: float, process: Process) -> None:
        self.tell(f"    {process.namespec} {process.state.name} pid {process.pid}")
        if self.watched.get(process.namespec) and process.dies_at is not None:
            self.later(max(0.0, process.dies_at - now), self._pid_ends)
        rng = self.scenario.rng
        if rng.random() < self.scenario.lost_events:
            return
        late = rng.choice([0.001, 3.0]) if self.scenario.lost_events else 0.001
        self.later(late, self.wake)

    def _pid_ends(self) -> None:
        self.world.turn(self.now)
        self.wake()

    def _trouble(self, trouble: Trouble) -> None:
        if self.world.is_frozen(self.now) and trouble.kind in ("stop", "start", "restart"):
            self.later(self.world.thaws_at - self.now, self._trouble, trouble)
            return
        self.tell(f"!! {trouble.kind} {trouble.namespec} {trouble.seconds:g}")
        getattr(self, f"_trouble_{trouble.kind}")(trouble)

    def _trouble_stop(self, trouble: Trouble) -> None:
        self.world.stop(trouble.namespec, self.now, "operator")  # type: ignore[arg-type]

    def _trouble_start(self, trouble: Trouble) -> None:
        self.world.start(trouble.namespec, self.now, "operator")  # type: ignore[arg-type]

    def _trouble_restart(self, trouble: Trouble) -> None:
        fault = self.world.stop(trouble.namespec, self.now, "operator")  # type: ignore[arg-type]
        if not fault:
            self._start_when_stopped(trouble.namespec)

    def _start_when_stopped(self, namespec: Namespec | None) -> None:
        process = self.world.processes[namespec]  # type: ignore[index]
        if process.state is S.STOPPING:
            self.later(0.05, self._start_when_stopped, namespec)
        elif process.state is S.STOPPED and self.world.is_alive:
            self.world.start(process.namespec, self.now, "operator")

    def _trouble_stop_all(self, _: Trouble) -> None:
        for spec, process in self.world.processes.items():
            if not process.is_pool:
                self.world.stop(spec, self.now, "operator")

    def _trouble_die(self, trouble: Trouble) -> None:
        self.world.crash(trouble.namespec, self.now)  # type: ignore[arg-type]

    def _trouble_freeze(self, trouble: Trouble) -> None:
        self.world.thaws_at = max(self.world.thaws_at, self.now + trouble.seconds)

    def _trouble_reload(self, _: Trouble) -> None:
        if self.world.is_alive:
            self.world.reload(self.now)
            self.die(restarts_in=1.0)

    def _trouble_kill(self, trouble: Trouble) -> None:
        if self.world.is_alive:
            self.world.die(self.now)
            self.die(restarts_in=None)
            self.later(trouble.seconds, self._boot)

    def _boot(self) -> None:
        self.tell("supervisord is back")
        self.world.boot(self.now)
        self.later(1.0, self._load)

    def _trouble_cancel(self, _: Trouble) -> None:
        if self.listener is not None and self.listener.run is not None:
            self.listener.cancelled_by = "operator"
            self.wake()

    def _trouble_journal(self, trouble: Trouble) -> None:
        self.journal_fails_until_at = self.now + trouble.seconds

    def _trouble_crash(self, _: Trouble) -> None:
        self.die(restarts_in=self.scenario.rng.choice([0.1, 2.0, 30.0]))

    def _trouble_foreign(self, _: Trouble) -> None:
        self.wake()
        self.wake()

    # The listener's life

    def _begin(self) -> None:
        """A scheduled time comes, or a request arrives."""
        if self.listener is None or not self.world.is_alive:
            self.later(1.0, self._begin)
            return
        scheduled_at: float | None = BEGIN_AT
        if self.scenario.is_request:
            if not self._accepts_request():
                self.is_over = True
                return
            scheduled_at = None
        run = new_run("r1", self.scenario.plan, now=self.now, scheduled_at=scheduled_at,
                      asked_by=None if scheduled_at else "somebody")  # fmt: skip
        self.listener.run = self.journal = run
        self.tell(f"{run.id} is wanted")
        self.wake()

    def _accepts_request(self) -> bool:
        """The request may have lain about while no listener was there to take it."""
        sent_at = self.now - self.scenario.request_delay
        request = Request(id="q1", verb=Verb.RUN, asked_by="somebody", expires_at=sent_at + 30.0)
        accepted = not self.shell.checks_expiry or not request.expired(self.now)
        if accepted and self.now > request.expires_at:
            self.judge.find("stale_requests_are_dropped", f"{self.scenario.request_delay} s old")
        return accepted

    def die(self, restarts_in: float | None) -> None:
        if self.listener is None:
            return
        self.tell("the listener dies")
        self.listener = None
        self.watched.clear()
        if restarts_in is not None:
            self.later(restarts_in, self._load)

    def _load(self) -> None:
        if self.listener is not None or not self.world.is_alive:
            return
        self.listener = Listener()
        if self.journal is not None:
            document = json.loads(json.dumps(self.journal.to_document()))
            self.listener.run = resumed(Run.from_document(document), self.now)
            self.tell(f"a listener loads {self.journal.id}: {self.journal.phase.name}")
            if self.journal.is_over:
                self.later(60.0, self._end, self.journal)
        self.wake()

    def wake(self) -> None:
        if self.listener is not None and not self.listener.is_waking:
            self.listener.is_waking = True
            self.later(0.0, self._woken, self.listener)

    def _woken(self, listener: Listener) -> None:
        if listener is not self.listener:
            return
        listener.is_waking = False
        if listener.run is None or listener.run.is_over:
            return
        try:
            self._turn_of_listener(listener, listener.run)
        except Crash:
            self.die(restarts_in=self.scenario.rng.choice([0.1, 1.0, 1.0, 10.0, 60.0, 5000.0]))

    def _turn_of_listener(self, listener: Listener, run: Run) -> None:
        observation = self._observe(listener, run)
        decision = advancing.advance(run, observation, self.now)
        self._may_crash()
        is_writable = self.now >= self.journal_fails_until_at
        if not is_writable:
            blind = attrs.evolve(observation, journal_is_writable=False)
            decision = advancing.advance(run, blind, self.now)
        elif self.shell.journals:
            self.journal = decision.run
        if is_writable:
            self.judge.moved(decision.run)
        listener.run = decision.run
        self._may_crash()
        for action in decision.actions:
            self.judge.action(action, self.journal, self.now, is_writable)
            self._perform(listener, action)
            self._may_crash()
        if decision.run.is_over:
            self.journal = decision.run
            self.tell(f"the run {decision.run.phase.name}: {decision.run.reason}")
            self.later(60.0, self._end, decision.run)

    def _end(self, run: Run) -> None:
        self.judge.ended(run)
        self.is_over = True

    def _may_crash(self) -> None:
        self.points += 1
        if self.points in self.scenario.crash_points:
            raise Crash

    def _observe(self, listener: Listener, run: Run) -> Observation:
        results, listener.results = tuple(listener.results), []
        answers = self.world.is_alive and not self.world.is_frozen(self.now)
        if answers:
            self.observed_at = self.now
        return Observation(
            statuses=self.world.statuses(run.watched, self.now) if answers else {},
            results=results,
            supervisord_state="RUNNING" if answers else None,
            cancelled_by=listener.cancelled_by,
        )

    def answer(self, listener: Listener, *results: Result) -> None:
        if listener is self.listener:
            listener.results.extend(results)
            self.wake()

    # What the shell does

    def _perform(self, listener: Listener, action: Action) -> None:
        if isinstance(action, Record):
            subject = f"{action.namespec} " if action.namespec else ""
            self.tell(f"  > {subject}{action.text}")
        else:
            _PERFORM[type(action)](self, listener, action)

    def _wake_at(self, listener: Listener, action: WakeAt) -> None:
        if self.shell.wakes_itself:
            listener.timer = action.at
            self.later(max(0.0, action.at - self.now), self._timer, listener, action.at)

    def _timer(self, listener: Listener, at: float) -> None:
        if listener is self.listener and listener.timer == at:
            self.wake()

    def _nudge(self, _: Listener, __: Nudge) -> None:
        self.world.turn(self.now)

    def _watch(self, _: Listener, action: WatchPid) -> None:
        process = self.world.processes[action.namespec]
        if self.scenario.pids_are_watched and self.watched.get(action.namespec) != action.pid:
            self.watched[action.namespec] = action.pid
            if process.pid == action.pid and process.dies_at is not None:
                self.later(max(0.0, process.dies_at - self.now), self._pid_ends)

    def _stop(self, listener: Listener, action: StopProcesses) -> None:
        self._call(listener, CallKind.STOP, action.namespecs)

    def _start(self, listener: Listener, action: StartProcesses) -> None:
        self._call(listener, CallKind.START, action.namespecs)

    def _call(self, listener: Listener, kind: CallKind, namespecs: tuple[Namespec, ...]) -> None:
        self.tell(f"  -> {kind.value} {', '.join(map(str, namespecs))}")
        rng = self.scenario.rng
        fate = rng.choice(["before", "after"]) if rng.random() < self.scenario.lost_calls else ""
        if fate:
            lost = [self._result(kind, spec, CallOutcome.UNKNOWN) for spec in namespecs]
            self.later(RPC_TIMEOUT_SECONDS, self.answer, listener, *lost)
        if fate != "before":
            moment = Moment(self.now, self.observed_at, self.world.life)
            delay = rng.choice([0.001, 0.001, 0.02])
            self.later(delay, self._execute, None if fate else listener, kind, namespecs, moment)

    def _execute(
        self,
        listener: Listener | None,
        kind: CallKind,
        namespecs: tuple[Namespec, ...],
        moment: Moment,
    ) -> None:
        if self.world.is_frozen(self.now):
            wait = self.world.thaws_at - self.now
            if listener is not None and wait > RPC_TIMEOUT_SECONDS:
                lost = [self._result(kind, spec, CallOutcome.UNKNOWN) for spec in namespecs]
                self.later(RPC_TIMEOUT_SECONDS, self.answer, listener, *lost)
                listener = None
            self.later(wait, self._execute, listener, kind, namespecs, moment)
            return
        results = [self._execute_one(kind, spec, moment) for spec in namespecs]
        if listener is not None:
            self.later(0.001, self.answer, listener, *results)

    def _execute_one(self, kind: CallKind, spec: Namespec, moment: Moment) -> CallResult:
        if not self.world.is_alive or self.world.life != moment.life:
            return self._result(kind, spec, CallOutcome.UNKNOWN)
        process = self.world.processes[spec]
        if kind is CallKind.STOP:
            if process.state in (S.RUNNING, S.STARTING, S.BACKOFF):
                self.judge.stopping(process, self.now, moment.observed_at, moment.decided_at)
            fault = self.world.stop(spec, self.now, "run")
        else:
            self.judge.starting(process, self.journal, moment.observed_at)
            fault = self.world.start(spec, self.now, "run")
        return self._result(
            kind, spec, CallOutcome.REFUSED if fault else CallOutcome.ACCEPTED, fault
        )

    def _result(
        self, kind: CallKind, spec: Namespec, outcome: CallOutcome, reason: str = ""
    ) -> CallResult:
        return CallResult(kind=kind, namespec=spec, outcome=outcome, reason=reason)

    def _run_step(self, listener: Listener, action: RunStep) -> None:
        name = action.step.name
        orphan_ends_at = self.children.get(name, 0.0)
        if orphan_ends_at > self.now and name not in listener.children:
            self.later(orphan_ends_at - self.now, self._begin_step, listener, action)
        else:
            self._begin_step(listener, action)

    def _begin_step(self, listener: Listener, action: RunStep) -> None:
        if listener is not self.listener:
            return
        name = action.step.name
        running = self.children.get(name, 0.0) > self.now
        self.judge.step_begins(name, is_running=running, idempotent=action.step.idempotent)
        seconds, outcome = self.scenario.step_ends[name]
        listener.children.add(name)
        self.children[name] = self.now + seconds
        result = StepResult(
            phase=action.phase,
            name=name,
            attempt=action.attempt,
            outcome=outcome,
            reason="so it is",
        )
        self.later(seconds, self.answer, listener, result)

    def _await_step(self, listener: Listener, action: AwaitStep) -> None:
        wait = max(0.01, self.children.get(action.step.name, 0.0) - self.now)
        result = StepResult(
            phase=action.phase,
            name=action.step.name,
            attempt=action.attempt,
            outcome=StepOutcome.UNKNOWN,
            reason="nobody saw its end",
        )
        self.later(wait, self.answer, listener, result)

    def _rotate(self, listener: Listener, action: RotateLogs) -> None:
        self.judge.step_begins("rotate-logs", is_running=False, idempotent=False)
        result = StepResult(
            phase=StepPhase.ROTATE,
            name="rotate-logs",
            attempt=action.attempt,
            outcome=StepOutcome.SUCCEEDED,
        )
        self.later(0.2, self.answer, listener, result)

    def _ask_blockers(self, listener: Listener, _: AskBlockers) -> None:
        held_until_at = BEGIN_AT + self.scenario.hold_seconds
        hold = Hold(plan="nightly", since_at=BEGIN_AT - 60.0, until_at=held_until_at)
        found = Circumstances(
            holds=(hold,) if self.scenario.hold_seconds else (),
            journal_problem=None if self.now >= self.journal_fails_until_at else "disk full",
            supervisord_state="RUNNING" if self.world.is_alive else None,
            unknown_groups=(),
        )
        answer = blockers.find(self.scenario.plan, found, self.now)
        if not answer and self.scenario.hold_seconds and self.now < held_until_at:
            self.judge.find("hold_is_respected", f"held until {held_until_at - BEGIN_AT:g}")
        self.later(0.05, self.answer, listener, BlockersAnswer(answer))

    def _take_snapshot(self, listener: Listener, action: TakeSnapshot) -> None:
        self.later(0.02, self._snapshot, listener, action.when)

    def _snapshot(self, listener: Listener, when: When) -> None:
        if listener is not self.listener:
            return
        if not self.world.is_alive or self.world.is_frozen(self.now):
            self.answer(listener, NotTaken(when, "supervisord does not answer"))
            return
        statuses = [process.status() for process in self.world.processes.values()]
        supervisord = Supervisord(pid=1, started_at=1.0)
        snapshot = Snapshot(taken_at=self.now, supervisord=supervisord, processes=statuses)
        if when is When.AFTER:
            self.answer(listener, AfterTaken(snapshot=snapshot))
            return
        self.judge.take_before()
        self.answer(
            listener, BeforeTaken(snapshot=snapshot, configs=self._configs(), pools=self._pools())
        )

    def _configs(self) -> dict[Namespec, ProcessConfig]:
        return {
            spec: ProcessConfig(
                namespec=spec,
                group_priority=process.group_priority,
                process_priority=process.priority,
                autostart=process.autostart,
                start_seconds=process.start_seconds,
                stop_wait_seconds=process.stop_wait_seconds,
            )
            for spec, process in self.world.processes.items()
        }

    def _pools(self) -> Pools:
        if not self.scenario.pools_are_known:
            return Pools(own_group=OWN.group)
        processes = self.world.processes.values()
        pools = frozenset(one.namespec.group for one in processes if one.is_pool)
        groups = frozenset(one.namespec.group for one in processes) - pools
        return Pools(pools=pools, programs=groups, own_group=OWN.group)

    def _check_ready(self, listener: Listener, action: CheckReady) -> None:
        self.later(0.01, self._ready, listener, action)

    def _ready(self, listener: Listener, action: CheckReady) -> None:
        process = self.world.processes[action.namespec]
        runs = process.state is S.RUNNING and process.pid == action.pid
        is_ready = runs and self.now >= process.running_since_at + process.ready_seconds
        self.answer(
            listener,
            ReadyAnswer(
                namespec=action.namespec, pid=action.pid, is_ready=is_ready, reason="not yet"
            ),
        )


_PERFORM: dict[type, Callable[[Simulation, Listener, Any], None]] = {
    WakeAt: Simulation._wake_at,
    Nudge: Simulation._nudge,
    WatchPid: Simulation._watch,
    StopProcesses: Simulation._stop,
    StartProcesses: Simulation._start,
    RunStep: Simulation._run_step,
    AwaitStep: Simulation._await_step,
    RotateLogs: Simulation._rotate,
    AskBlockers: Simulation._ask_blockers,
    TakeSnapshot: Simulation._take_snapshot,
    CheckReady: Simulation._check_ready,
}


@attrs.frozen
class Played:
    """How a seed went: the outcome, what was broken, and the story if it was to be told."""

    seed: int
    phase: Phase | None
    violations: tuple[Violation, ...]
    story: tuple[str, ...]

    def report(self) -> str:
        """Return the story with the violations under it."""
        broken = [f"VIOLATED {one.invariant}: {one.text}" for one in self.violations]
        return "\n".join([f"seed {self.seed}", *self.story, *broken])


def play(seed: int, shell: Shell | None = None, *, tells_story: bool = False) -> Played:
    """Play a seed, and again with its story when something is broken."""
    simulation = Simulation(draw(seed), shell or Shell(), tells_story=tells_story)
    simulation.play()
    violations = tuple(simulation.judge.violations)
    if violations and not tells_story:
        return play(seed, shell, tells_story=True)
    phase = simulation.journal.phase if simulation.journal else None
    return Played(seed, phase, violations, tuple(simulation.story))
