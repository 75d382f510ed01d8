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
from supervisor_maint.maintenance.observation import (
    Observation,
    Result,
)
from supervisor_maint.maintenance.run import Phase, Run, new_run, resumed
from supervisor_maint.processes import Namespec, ProcessState
from supervisor_maint.store.requests import Request, Verb
from tests.simulation import performing
from tests.simulation.judge import Judge, Violation
from tests.simulation.performing import Listener
from tests.simulation.scenario import BEGIN_AT, Scenario, Trouble, draw
from tests.simulation.world import Process
from tests.simulation.world import Supervisord as World

S = ProcessState
# Longer than any run may take: start_within, preparing, max_duration, an hour, and recovery, and
# four listeners that die and are gone for 5000 s.
LIMIT_SECONDS = 10 * 3600.0
MAX_MOMENTS = 20_000


@attrs.define
class Shell:
    """Where a mutant can break the listener; every flag is right as it is by default."""

    journals: bool = True
    wakes_itself: bool = True
    checks_expiry: bool = True


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
            self.later(max(0.0, process.dies_at - now), self.pid_ends)
        rng = self.scenario.rng
        if rng.random() < self.scenario.lost_events:
            return
        late = rng.choice([0.001, 3.0]) if self.scenario.lost_events else 0.001
        self.later(late, self.wake)

    def pid_ends(self) -> None:
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
        self.world.start(trouble.namespec, self.now)  # type: ignore[arg-type]

    def _trouble_restart(self, trouble: Trouble) -> None:
        fault = self.world.stop(trouble.namespec, self.now, "operator")  # type: ignore[arg-type]
        if not fault:
            self._start_when_stopped(trouble.namespec)

    def _start_when_stopped(self, namespec: Namespec | None) -> None:
        process = self.world.processes[namespec]  # type: ignore[index]
        if process.state is S.STOPPING:
            self.later(0.05, self._start_when_stopped, namespec)
        elif process.state is S.STOPPED and self.world.is_alive:
            self.world.start(process.namespec, self.now)

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
            performing.perform(self, listener, action)
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
