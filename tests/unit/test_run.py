"""A run, turn by turn: what it becomes and what it wants done."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

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
from supervisor_maint.maintenance.advance import advance
from supervisor_maint.maintenance.observation import (
    AfterTaken,
    Announced,
    BeforeTaken,
    BlockersAnswer,
    CallKind,
    CallOutcome,
    CallResult,
    NotTaken,
    Observation,
    Published,
    ReadyAnswer,
    Result,
    StepOutcome,
    StepResult,
)
from supervisor_maint.maintenance.plan import (
    Allowance,
    OnFailure,
    OnOverrun,
    OnStepFailure,
    Plan,
    Step,
    Strategy,
)
from supervisor_maint.maintenance.readiness import ProbeKind, Readiness
from supervisor_maint.maintenance.restarting import NUDGE_SECONDS
from supervisor_maint.maintenance.run import TRANSITIONS, Phase, Run, new_run, resumed
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.maintenance.target import Progress
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import (
    Namespec,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)

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
        self.statuses = {
            spec: _status(spec, S.RUNNING, pid=10 + n) for n, spec in enumerate((A, B))
        }
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


def _status(spec: Namespec, state: ProcessState, pid: int | None = None) -> ProcessStatus:
    return ProcessStatus(namespec=spec, state=state, pid=pid, started_at=T - 1000)


def _plan(**settings: Any) -> Plan:
    return Plan(**{"name": "nightly", "settle_seconds": 0, **settings})


# The table


def test_every_phase_has_a_way_out_and_is_reached() -> None:
    """From each phase an outcome can be reached, and each is reached from PENDING."""
    outcomes = {phase for phase, following in TRANSITIONS.items() if not following}
    reached = {Phase.PENDING}
    for _ in TRANSITIONS:
        reached |= {following for phase in reached for following in TRANSITIONS[phase]}

    assert set(Phase) == set(TRANSITIONS) == reached
    assert {Phase.SUCCEEDED, Phase.FAILED, Phase.SKIPPED} == outcomes
    for phase in set(Phase) - outcomes:
        ways = {phase}
        for _ in TRANSITIONS:
            ways |= {following for one in ways for following in TRANSITIONS[one]}
        assert ways & outcomes, phase


def test_nothing_follows_an_outcome() -> None:
    """A run that is over does nothing, whatever it is told."""
    stage = Stage()
    stage.run = attrs.evolve(stage.run, phase=Phase.FAILED)
    stage.turn(BlockersAnswer(()), cancelled_by="ann")

    assert Phase.FAILED is stage.run.phase
    assert () == stage.actions


# PENDING


def test_blocked_run_asks_again_every_15_seconds_and_is_skipped() -> None:
    """It says why, and that only once start_within is over."""
    stage = Stage(_plan(start_within_seconds=40))
    stage.turn()
    asked = [len(stage.wanted(AskBlockers))]
    for _ in range(4):
        stage.turn(BlockersAnswer(("nightly is held",)), seconds=1)
        asked.append(len(stage.wanted(AskBlockers)))
        stage.turn(seconds=14)
        asked.append(len(stage.wanted(AskBlockers)))

    assert [1, 0, 1, 0, 1, 0, 0, 0, 0] == asked
    assert Phase.SKIPPED is stage.run.phase
    assert "nightly is held" == stage.run.reason


def test_answer_that_comes_too_late_does_not_start_a_run() -> None:
    """Nothing blocks, but start_within is over."""
    stage = Stage(_plan(start_within_seconds=40))
    stage.turn()
    stage.turn(BlockersAnswer(()), seconds=41)

    assert Phase.SKIPPED is stage.run.phase


def test_cancel_before_the_beginning_skips() -> None:
    """Nothing was begun, so nothing fails."""
    stage = Stage()
    stage.turn(cancelled_by="ann")

    assert (Phase.SKIPPED, "cancelled by ann") == (stage.run.phase, stage.run.reason)


# PREPARING


def test_unknown_group_skips_the_run() -> None:
    """A group that may be a listener pool keeps everything as it is."""
    stage = Stage()
    stage.turn()
    stage.turn(BlockersAnswer(()))
    stage.turn(BeforeTaken(snapshot=stage.snapshot(), configs={}, pools=Pools()))

    assert Phase.SKIPPED is stage.run.phase
    assert "web may be listener pools" in stage.run.reason


def test_readiness_that_cannot_be_asked_skips_the_run() -> None:
    """A check that needs a number, and a name without: seen before anything is stopped."""
    check = Readiness(name="x", programs=("*",), kind=ProbeKind.TCP, address="h:{num+1}")
    stage = Stage(_plan(readiness=(check,)))
    stage.statuses = {Namespec("web", "web"): _status(Namespec("web", "web"), S.RUNNING, 5)}
    stage.begin()

    assert Phase.SKIPPED is stage.run.phase
    assert "ends with digits" in stage.run.reason


def test_snapshot_is_asked_for_until_it_comes() -> None:
    """When it cannot be taken, it is tried again."""
    stage = Stage()
    stage.turn()
    stage.turn(BlockersAnswer(()))
    stage.turn(NotTaken(When.BEFORE, "timeout"))
    waits = stage.wanted(TakeSnapshot)
    stage.turn(seconds=5)

    assert [] == waits
    assert [TakeSnapshot(When.BEFORE)] == stage.wanted(TakeSnapshot)
    assert ("no snapshot: timeout",) == stage.run.notes


def test_steps_rotation_and_announcement_come_before_the_first_stop() -> None:
    """In this order, each once, each after the one before."""
    step = Step.before("drain", "drain.sh")
    stage = Stage(_plan(pre=(step,), rotate_logs=True, lead_seconds=30))
    stage.begin()
    assert [RunStep(phase=StepPhase.PRE, step=step, attempt=1)] == stage.wanted(RunStep)

    stage.turn(_ended("drain"), seconds=1)
    assert 1 == len(stage.wanted(RotateLogs))

    stage.turn(_ended("rotate-logs", phase=StepPhase.ROTATE), seconds=1)
    assert (Phase.PREPARING, [WakeAt(T + 30)]) == (stage.run.phase, stage.wanted(WakeAt))

    stage.turn(Announced())
    stage.turn()
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


def test_run_is_announced_once_while_it_is_prepared() -> None:
    """And again by the next listener, who knows of no answer."""
    stage = Stage(_plan(lead_seconds=30))
    stage.turn()
    stage.turn(BlockersAnswer(()))
    assert [Announce()] == stage.wanted(Announce)

    stage.turn(stage.before())
    assert [] == stage.wanted(Announce)

    stage.run = resumed(Run.from_document(stage.run.to_document()), stage.now)
    stage.turn()
    assert [Announce()] == stage.wanted(Announce)


@pytest.mark.parametrize(
    ("lead", "told", "waits_seconds"),
    [
        pytest.param(0, (Announced(),), 0, id="everybody knows"),
        pytest.param(0, (Published(),), 0, id="written, and no lead"),
        pytest.param(0, (), 5, id="a sink that hangs"),
        pytest.param(30, (Announced(),), 0, id="sooner than the lead"),
        pytest.param(30, (Published(),), 30, id="the lead"),
        pytest.param(30, (), 35, id="whatever hangs"),
    ],
)
def test_first_stop_waits_for_the_announcement(
    lead: float, told: tuple[Result, ...], waits_seconds: float
) -> None:
    """Until everybody knows, or the lead is over; never longer than its cap."""
    stage = Stage(_plan(lead_seconds=lead))
    stage.turn()
    stage.turn(BlockersAnswer(()))
    stage.turn(stage.before(), *told)
    if waits_seconds:
        assert (Phase.PREPARING, [WakeAt(T + waits_seconds)]) == (
            stage.run.phase,
            stage.wanted(WakeAt),
        )
        stage.turn(seconds=waits_seconds)

    assert stage.run.phase is Phase.RESTARTING


def _ended(
    name: str,
    outcome: StepOutcome = StepOutcome.SUCCEEDED,
    phase: StepPhase = StepPhase.PRE,
    attempt: int = 1,
) -> StepResult:
    return StepResult(phase=phase, name=name, attempt=attempt, outcome=outcome, reason="so")


@pytest.mark.parametrize(
    ("on_failure", "outcome", "phase"),
    [
        (OnStepFailure.ABORT, StepOutcome.FAILED, Phase.FAILED),
        (OnStepFailure.ABORT, StepOutcome.TIMED_OUT, Phase.FAILED),
        (OnStepFailure.ABORT, StepOutcome.UNKNOWN, Phase.FAILED),
        (OnStepFailure.ABORT, StepOutcome.SKIP_RUN, Phase.SKIPPED),
        (OnStepFailure.CONTINUE, StepOutcome.SKIP_RUN, Phase.SKIPPED),
        (OnStepFailure.CONTINUE, StepOutcome.FAILED, Phase.RESTARTING),
        (OnStepFailure.CONTINUE, StepOutcome.UNKNOWN, Phase.RESTARTING),
    ],
)
def test_end_of_a_pre_step(on_failure: OnStepFailure, outcome: StepOutcome, phase: Phase) -> None:
    """Abort fails the run, exit 75 skips it, continue makes a note."""
    stage = Stage(_plan(pre=(Step.before("drain", "x", on_failure=on_failure),)))
    stage.begin()
    stage.turn(_ended("drain", outcome))

    assert phase is stage.run.phase
    assert not stage.wanted(StopProcesses) or phase is Phase.RESTARTING


def test_post_steps_follow_a_skip_by_exit_75() -> None:
    """What the pre step had begun is undone."""
    post = Step.after("undrain", "y")
    stage = Stage(_plan(pre=(Step.before("drain", "x"),), post=(post,)))
    stage.begin()
    stage.turn(_ended("drain", StepOutcome.SKIP_RUN))

    assert [RunStep(phase=StepPhase.POST, step=post, attempt=1)] == stage.wanted(RunStep)
    stage.turn(_ended("undrain", phase=StepPhase.POST))
    assert Phase.SKIPPED is stage.run.phase
    assert "pre step drain says so: so" == stage.run.reason


def test_cancel_waits_for_the_step_under_way() -> None:
    """The post steps do not begin while the pre step they undo still runs."""
    stage = Stage(_plan(pre=(Step.before("drain", "x"),), post=(Step.after("undrain", "y"),)))
    stage.begin()
    stage.turn(cancelled_by="ann")
    assert [] == stage.wanted(RunStep)

    stage.turn(_ended("drain"))
    assert 1 == len(stage.wanted(RunStep))
    stage.turn(_ended("undrain", phase=StepPhase.POST))
    assert (Phase.FAILED, "cancelled by ann") == (stage.run.phase, stage.run.reason)


@pytest.mark.parametrize(("idempotent", "expected"), [(True, RunStep), (False, AwaitStep)])
def test_interrupted_step(idempotent: bool, expected: type) -> None:
    """After a crash an idempotent step is run again; of another the end is awaited."""
    stage = Stage(_plan(pre=(Step.before("drain", "x", idempotent=idempotent),)))
    stage.begin()
    stage.run = resumed(stage.run, stage.now)
    stage.turn()

    assert [2] == [action.attempt for action in stage.wanted(expected)]
    stage.turn(_ended("drain", attempt=1))
    assert Phase.PREPARING is stage.run.phase


def test_step_of_which_nothing_is_heard_is_unknown_in_the_end() -> None:
    """The shell ends it at its limit; if even that is not heard, the run goes on."""
    stage = Stage(_plan(pre=(Step.before("drain", "x", timeout_seconds=10),)))
    stage.begin()
    stage.turn(seconds=79)
    assert Phase.PREPARING is stage.run.phase

    stage.turn(seconds=1)
    assert Phase.FAILED is stage.run.phase
    assert "nothing was heard of it" in stage.run.reason


def test_preparing_has_a_limit() -> None:
    """A run that prepared for hours, with a dead listener, restarts nothing any more."""
    stage = Stage(_plan(pre=(Step.before("drain", "x"),)))
    stage.begin()
    stage.run = resumed(stage.run, stage.now + 7200)
    stage.turn(seconds=7200)
    stage.turn(_ended("drain", StepOutcome.UNKNOWN, attempt=2))

    assert Phase.FAILED is stage.run.phase
    assert stage.run.reason.startswith("overrun: preparing took longer")


# RESTARTING


def test_run_from_beginning_to_end() -> None:
    """One after the other is stopped, started when STOPPED, and done when RUNNING."""
    stage = Stage()
    stage.begin()
    assert Phase.RESTARTING is stage.run.phase
    stage.turn()
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)

    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPING)
    stage.turn()
    assert [WatchPid(A, 10)] == stage.wanted(WatchPid)
    assert [] == stage.wanted(StartProcesses)

    stage.move(A, S.STOPPED)
    stage.turn(seconds=0.5)
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)

    stage.move(A, S.STARTING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    assert [WakeAt(stage.now + 0.25)] == stage.wanted(WakeAt)
    stage.turn(seconds=1.0)
    assert [Nudge()] == stage.wanted(Nudge)

    stage.move(A, S.RUNNING)
    stage.turn()
    stage.turn()
    assert [StopProcesses((B,))] == stage.wanted(StopProcesses)
    stage.restart(B, 21)
    assert [TakeSnapshot(When.AFTER)] == stage.wanted(TakeSnapshot)

    stage.turn(AfterTaken(snapshot=stage.snapshot(), differences=("one",)))
    assert (Phase.SUCCEEDED, ("one",)) == (stage.run.phase, stage.run.differences)
    assert stage.now == stage.run.ended_at


def test_everything_is_in_the_run_before_it_is_done() -> None:
    """What is to be stopped, started or run has its intent in the run that comes with it."""
    stage = Stage(_plan(pre=(Step.before("drain", "x"),)))
    stage.begin()
    record = stage.run.step(StepPhase.PRE, "drain")
    assert record is not None
    assert StepOutcome.RUNNING is record.outcome

    stage.turn(_ended("drain"))
    stage.turn()
    target = (stage.run.targets or ())[0]
    assert target.stop is not None
    assert (stage.now, CallOutcome.PENDING) == (target.stop.asked_at, target.stop.outcome)
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


def test_only_the_batch_is_looked_at_until_the_next_is_to_be_stopped() -> None:
    """A thousand statuses take supervisord half a second; a few take nothing."""
    stage = Stage()
    stage.begin()
    looked = [stage.run.watched]
    stage.turn()
    looked.append(stage.run.watched)
    stage.restart(A, 20)
    looked.append(stage.run.watched)
    stage.turn()
    looked.append(stage.run.watched)
    stage.turn(seconds=5)
    looked.append(stage.run.watched)

    assert [(A, B), (A,), (A, B), (B,), (A, B)] == looked


def test_run_that_cannot_be_journalled_does_not_begin() -> None:
    """It waits for the journal like for any other blocker."""
    stage = Stage()
    stage.turn()
    stage.turn(BlockersAnswer(()), journal_is_writable=False)
    assert Phase.PENDING is stage.run.phase

    stage.turn(seconds=301)
    assert (Phase.SKIPPED, True) == (
        stage.run.phase,
        "no run without a journal" in stage.run.reason,
    )


@pytest.mark.parametrize(
    ("answered_after", "seen_after", "nudged_after"),
    [
        pytest.param(0.3, 0.3, 1.3, id="spawned by the call, which was answered then"),
        pytest.param(0.3, 5.0, 6.0, id="it failed, and supervisord started it once more"),
    ],
)
def test_startsecs_are_counted_from_when_it_was_spawned(
    answered_after: float, seen_after: float, nudged_after: float
) -> None:
    """supervisord is nudged when startsecs can be over, and not before."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn(seconds=0.5)
    asked_at = stage.now
    stage.turn(*stage.answer(CallKind.START, A), seconds=answered_after)
    stage.move(A, S.STARTING, 20)
    stage.turn(seconds=asked_at + seen_after - stage.now)
    stage.turn(seconds=asked_at + nudged_after - 0.01 - stage.now)
    assert [] == stage.wanted(Nudge)
    stage.turn(seconds=0.02)

    assert [Nudge()] == stage.wanted(Nudge)


def test_each_start_of_a_call_is_due_when_its_share_of_the_call_is_over() -> None:
    """supervisord spawns one after the other: it is made to look as each is due, and only then."""
    stage = Stage(_plan(max_unavailable=Allowance(2)))
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A), *stage.answer(CallKind.STOP, B))
    stage.move(A, S.STOPPED)
    stage.move(B, S.STOPPED)
    stage.turn(seconds=0.5)
    stage.move(A, S.STARTING, 20)
    stage.move(B, S.STARTING, 21)
    answers = (*stage.answer(CallKind.START, A), *stage.answer(CallKind.START, B))
    stage.turn(*answers, seconds=0.4)  # A is due 1.2 s after the call, and B 1.4 s
    nudged = []
    for milliseconds in range(600, 1100, 10):
        stage.turn(seconds=0.6 if milliseconds == 600 else 0.01)
        if stage.wanted(Nudge):
            nudged.append(0.4 + milliseconds / 1000)

    most = (nudged[-1] - nudged[0]) / NUDGE_SECONDS + 2  # one more as B becomes due
    assert {1.21, 1.41} <= {round(nudge, 2) for nudge in nudged}
    assert (True, True) == (nudged[0] > 1.2, len(nudged) <= most)


def test_news_that_only_call_for_another_look_are_told_by_the_decision() -> None:
    """It is at once, and what it finds is journalled together with them."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    told = [stage.only_looks_again]
    stage.restart(A, 20)
    told.append(stage.only_looks_again)

    assert [False, True] == told


def test_cancel_that_comes_with_news_is_journalled_before_anybody_is_told() -> None:
    """Whoever asked for it is answered when it is written down, also where the run looks again."""
    stage = Stage(_plan(max_unavailable=Allowance(2)))
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A), *stage.answer(CallKind.STOP, B))
    stage.move(A, S.RUNNING, 20)
    stage.move(B, S.STARTING, 21)
    stage.turn(cancelled_by="ann")

    assert stage.run.cancelled_by == "ann"
    assert not stage.only_looks_again


def test_end_of_a_run_is_journalled_in_the_turn_it_comes_with() -> None:
    """Nothing but a phase that nothing is to be done in comes before it, and no other look."""
    stage = Stage()
    stage.begin()
    told = [stage.only_looks_again]
    stage.turn()
    for spec, pid in ((A, 20), (B, 21)):
        stage.restart(spec, pid)
        stage.turn()
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    told.append(stage.only_looks_again)

    assert Phase.SUCCEEDED is stage.run.phase
    assert [False, False] == told


def test_whoever_restarted_it_it_is_done() -> None:
    """A reload, a crash or httpok in the middle has done the work."""
    stage = Stage()
    stage.begin()
    stage.move(A, S.RUNNING, 20)
    stage.move(B, S.RUNNING, 21)
    stage.turn()

    assert [Progress.DONE, Progress.DONE] == [stage.progress(A), stage.progress(B)]
    assert [] == stage.wanted(StopProcesses)
    assert Phase.VERIFYING is stage.run.phase


def test_same_pid_with_a_later_start_is_another_process() -> None:
    """After the reboot of a container pids come again."""
    stage = Stage()
    stage.begin()
    stage.statuses[A] = attrs.evolve(stage.statuses[A], started_at=T + 5)
    stage.turn(seconds=6)

    assert Progress.DONE is stage.progress(A)


def test_what_an_operator_stopped_stays_stopped() -> None:
    """It is left as it is, and its absence keeps the rest of its group up."""
    stage = Stage()
    stage.begin()
    stage.move(A, S.STOPPED)
    stage.turn()
    stage.turn(seconds=3)

    assert Progress.LEFT is stage.progress(A)
    assert [] == stage.wanted(StopProcesses) + stage.wanted(StartProcesses)
    stage.turn()
    stage.turn(seconds=30)
    stage.turn()
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    assert (Progress.FAILED, Phase.FAILED) == (stage.progress(B), stage.run.phase)
    assert "not restarted, because web:web1 is away" in stage.run.reason


@pytest.mark.parametrize(
    "is_restarted", [True, False], ids=["after its restart", "before its turn"]
)
@pytest.mark.parametrize(("spawn_error", "goes_on"), [("", True), ("Bad exit code 1", False)])
def test_what_has_run_to_its_end_is_not_away(
    spawn_error: str, goes_on: bool, is_restarted: bool
) -> None:
    """A program that ended as its exitcodes expect keeps nothing of its group from its turn."""
    stage = Stage()
    stage.begin()
    if is_restarted:
        stage.turn()
        stage.turn(*stage.answer(CallKind.STOP, A))
        stage.move(A, S.STOPPED)
        stage.turn()
        stage.move(A, S.STARTING, 20)
        stage.turn(*stage.answer(CallKind.START, A))
    stage.move(A, S.EXITED)
    stage.statuses[A] = attrs.evolve(stage.statuses[A], exit_status=0, spawn_error=spawn_error)
    stage.turn(seconds=1)
    assert [] == stage.wanted(StopProcesses)  # supervisord may be about to start it again

    for _ in range(4):
        stage.turn(seconds=1)

    assert goes_on is (stage.progress(B) is Progress.STOPPING)


def test_what_an_operator_starts_again_counts_as_restarted() -> None:
    """It was left as it is, and comes back by itself."""
    stage = Stage()
    stage.begin()
    stage.move(A, S.STOPPED)
    stage.turn()
    stage.turn(seconds=3)
    assert Progress.LEFT is stage.progress(A)

    stage.move(A, S.RUNNING, 20)
    stage.turn(seconds=1)
    assert Progress.DONE is stage.progress(A)
    assert [StopProcesses((B,))] == stage.wanted(StopProcesses)


def test_refused_stop_was_somebody_elses() -> None:
    """NOT_RUNNING says that another was faster: what he stopped is not started."""
    stage = Stage(_plan(max_unavailable=Allowance(2)))
    stage.begin()
    stage.turn()
    stage.move(A, S.STOPPED)
    stage.turn(*stage.answer(CallKind.STOP, A, outcome=CallOutcome.REFUSED))
    stage.turn(seconds=3)

    assert Progress.LEFT is stage.progress(A)
    assert [] == stage.wanted(StartProcesses)


def test_stopped_again_after_our_start_is_left() -> None:
    """Only the last stop counts, and it was not ours."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn()
    stage.move(A, S.STARTING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    stage.move(A, S.STOPPED)
    stage.turn(seconds=1)
    stage.turn(seconds=3)

    assert Progress.LEFT is stage.progress(A)
    assert [] == stage.wanted(StartProcesses)


@pytest.mark.parametrize(
    ("seconds", "starts"), [(0.5, True), (20.0, True), (60.0, False), (-1.5, False)]
)
def test_stop_whose_answer_was_lost_is_told_by_its_time(seconds: float, starts: bool) -> None:
    """After a crash between intent and answer, only what stopped soon after can be ours."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.now += seconds
    stage.move(A, S.STOPPED)
    stage.run = resumed(stage.run, stage.now)
    stage.now = max(stage.now, T + 1)
    stage.turn(seconds=1)
    stage.turn(seconds=3)

    assert starts is (stage.progress(A) is not Progress.LEFT)


def test_lost_stop_is_asked_for_again() -> None:
    """When nothing happened, and nobody else is away."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A, outcome=CallOutcome.UNKNOWN), seconds=5)
    assert [] == stage.wanted(StopProcesses)

    stage.turn(seconds=1)
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


@pytest.mark.parametrize(
    ("state", "seconds", "reason"),
    [
        (S.FATAL, 0.0, "it is FATAL"),
        (S.EXITED, 2.0, "it is EXITED"),
        (S.BACKOFF, 34.0, "it is BACKOFF, 34 s after it was started"),
        (S.STARTING, 34.0, "it is STARTING, 34 s after it was started"),
    ],
)
def test_process_that_does_not_come_back_stops_the_run(
    state: ProcessState, seconds: float, reason: str
) -> None:
    """The run fails with the process and the reason, and the rest stays up."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn()
    stage.move(A, S.STARTING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    stage.move(A, state)
    stage.turn()
    stage.turn(seconds=seconds)
    stage.turn()

    assert f"web:web1: {reason}" == stage.run.reason
    assert Phase.RECOVERING is stage.run.phase
    assert [] == stage.wanted(StopProcesses)
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    assert Phase.FAILED is stage.run.phase


@pytest.mark.parametrize("is_seen_running", [True, False], ids=["seen", "not seen"])
@pytest.mark.parametrize(
    ("exit_status", "spawn_error", "has_probe", "phase"),
    [
        (0, "", False, Phase.SUCCEEDED),
        (2, "", False, Phase.SUCCEEDED),
        (1, "Bad exit code 1", False, Phase.FAILED),
        (0, "", True, Phase.FAILED),
    ],
    ids=["expected", "expected by exitcodes", "not expected", "not ready"],
)
def test_program_that_ends_as_soon_as_it_runs(
    is_seen_running: bool, exit_status: int, spawn_error: str, has_probe: bool, phase: Phase
) -> None:
    """With startsecs=0 it is chance whether it is seen RUNNING: the outcome does not hang on it."""
    probe = Readiness(name="x", programs=("*",), kind=ProbeKind.TCP, address="h:80")
    stage = Stage(_plan(readiness=(probe,) if has_probe else (), settle_seconds=5))
    del stage.statuses[B]
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn()
    if is_seen_running:
        stage.move(A, S.RUNNING, 20)
        stage.turn(*stage.answer(CallKind.START, A))
    stage.move(A, S.EXITED)
    stage.statuses[A] = attrs.evolve(
        stage.statuses[A], exit_status=exit_status, spawn_error=spawn_error
    )
    for _ in range(10):
        stage.turn(seconds=1)
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    stage.turn(seconds=40)

    assert phase is stage.run.phase


def test_on_failure_continue_goes_on_with_the_rest() -> None:
    """The rest is restarted, and the run fails in the end."""
    plan = _plan(max_unavailable=Allowance(2), on_failure=OnFailure.CONTINUE)
    stage = Stage(plan)
    stage.begin()
    stage.turn()
    assert [StopProcesses((A, B))] == stage.wanted(StopProcesses)

    stage.turn(*stage.answer(CallKind.STOP, A, B))
    stage.move(A, S.STOPPED)
    stage.move(B, S.STOPPED)
    stage.turn()
    stage.move(A, S.FATAL)
    stage.turn(*stage.answer(CallKind.START, A, B))
    assert (Progress.FAILED, Phase.RESTARTING) == (stage.progress(A), stage.run.phase)

    stage.move(B, S.RUNNING, 21)
    stage.turn()
    assert Phase.VERIFYING is stage.run.phase
    stage.turn()
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    assert (Phase.FAILED, "web:web1: it is FATAL") == (stage.run.phase, stage.run.reason)


def test_back_and_dead_again_counts() -> None:
    """A program that does not stay up is not given to the next process."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.restart(A, 20)
    assert Progress.DONE is stage.progress(A)

    stage.move(A, S.BACKOFF)
    stage.turn()
    assert Progress.COMING_BACK is stage.progress(A)
    stage.move(A, S.FATAL)
    stage.turn()
    assert Progress.FAILED is stage.progress(A)


def test_process_that_does_not_stop_is_started_when_it_did() -> None:
    """The run fails, its post steps are run, and it waits: nothing stays stopped."""
    stage = Stage(_plan(post=(Step.after("undrain", "y"),)))
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPING)
    stage.turn(seconds=20)
    assert "web:web1: it did not stop within 20 s" == stage.run.reason
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    stage.turn(_ended("undrain", phase=StepPhase.POST))
    stage.turn(seconds=600)
    assert Phase.RECOVERING is stage.run.phase

    stage.move(A, S.STOPPED)
    stage.turn()
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)
    stage.move(A, S.RUNNING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    assert Phase.FAILED is stage.run.phase


def test_all_at_once_starts_nothing_before_all_is_down() -> None:
    """Stop everything, then start everything, in the order of priority."""
    stage = Stage(_plan(strategy=Strategy.ALL_AT_ONCE))
    stage.begin()
    stage.turn()
    assert [StopProcesses((A, B))] == stage.wanted(StopProcesses)
    stage.turn(*stage.answer(CallKind.STOP, A, B))
    stage.move(A, S.STOPPED)
    stage.move(B, S.STOPPING)
    stage.turn()
    assert [] == stage.wanted(StartProcesses)

    stage.move(B, S.STOPPED)
    stage.turn()
    assert [StartProcesses((A, B))] == stage.wanted(StartProcesses)


def test_readiness_decides_when_it_is_done() -> None:
    """So many good answers in a row, of this very process."""
    check = Readiness(
        name="web",
        programs=("web",),
        kind=ProbeKind.TCP,
        address="localhost:{num+8000}",
        successes=2,
        timeout_seconds=10,
    )
    stage = Stage(_plan(readiness=(check,)))
    stage.begin()
    stage.turn()
    stage.restart(A, 20)
    assert ["localhost:8001"] == [one.probe.address for one in stage.wanted(CheckReady)]
    assert [] == stage.wanted(StopProcesses)

    for pid, ready, expected in [
        (20, True, Progress.COMING_BACK),
        (20, False, Progress.COMING_BACK),
        (99, True, Progress.COMING_BACK),
        (20, True, Progress.COMING_BACK),
        (20, True, Progress.DONE),
    ]:
        answer = ReadyAnswer(namespec=A, pid=pid, is_ready=ready, reason="refused")
        stage.turn(answer, seconds=0.3)
        assert expected is stage.progress(A)
    stage.turn()
    assert [StopProcesses((B,))] == stage.wanted(StopProcesses)


def test_not_ready_in_time_is_a_failure_with_the_last_answer() -> None:
    """The timeout counts from RUNNING."""
    check = Readiness(
        name="x", programs=("*",), kind=ProbeKind.TCP, address="h:1", timeout_seconds=10
    )
    stage = Stage(_plan(readiness=(check,)))
    stage.begin()
    stage.turn()
    stage.restart(A, 20)
    stage.turn(ReadyAnswer(namespec=A, pid=20, is_ready=False, reason="connection refused"))
    stage.turn(seconds=10)

    assert "web:web1: it is not ready after 10 s: connection refused" == stage.run.reason


@pytest.mark.parametrize(
    ("on_overrun", "phase"),
    [(OnOverrun.FINISH, Phase.RESTARTING), (OnOverrun.RECOVER, Phase.RECOVERING)],
)
def test_overrun(on_overrun: OnOverrun, phase: Phase) -> None:
    """After max_duration nothing more is stopped, what is stopped is started, the run fails."""
    stage = Stage(_plan(max_duration_seconds=30, on_overrun=on_overrun))
    stage.begin()
    deadline_at = stage.run.deadline_at
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn(seconds=30)
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)
    assert phase is stage.run.phase

    stage.move(A, S.RUNNING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    stage.turn()
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    assert Phase.FAILED is stage.run.phase
    assert stage.run.reason.startswith("overrun: 2 of 2 could not be restarted")
    assert [] == stage.wanted(StopProcesses)
    assert deadline_at == stage.run.deadline_at == T + 30


def test_cancel_finishes_the_batch() -> None:
    """What is under way comes back, the rest stays as it is, the run fails as cancelled."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A), cancelled_by="ann")
    stage.move(A, S.STOPPED)
    stage.turn()
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)

    stage.move(A, S.RUNNING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    assert [] == stage.wanted(StopProcesses)
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    assert (Phase.FAILED, "cancelled by ann") == (stage.run.phase, stage.run.reason)


def test_lost_journal_stops_nothing_more_and_starts_what_is_stopped() -> None:
    """Starting needs no journal."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn(journal_is_writable=False)

    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)
    assert (Phase.RECOVERING, "the journal cannot be written") == (
        stage.run.phase,
        stage.run.reason,
    )


def test_supervisord_that_does_not_answer_is_waited_for() -> None:
    """Nothing is asked of it, and nothing is decided without it."""
    stage = Stage()
    stage.begin()
    stage.turn(supervisord_state=None, statuses={})
    assert [] == stage.wanted(StopProcesses)
    stage.turn(seconds=2)
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


def test_process_that_is_gone_is_left() -> None:
    """An update took it out of the configuration."""
    stage = Stage()
    stage.begin()
    del stage.statuses[A]
    stage.turn()

    assert Progress.LEFT is stage.progress(A)
    assert [StopProcesses((B,))] == stage.wanted(StopProcesses)


def test_late_recovery_starts_and_reports_only() -> None:
    """An hour past the deadline no post step is run, and each is accounted for."""
    stage = Stage(_plan(post=(Step.after("undrain", "y"),)))
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.now += 8000
    stage.run = resumed(stage.run, stage.now)
    stage.turn()
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)

    stage.move(A, S.RUNNING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    record = stage.run.step(StepPhase.POST, "undrain")
    assert (Phase.FAILED, []) == (stage.run.phase, stage.wanted(RunStep))
    assert record is not None
    assert StepOutcome.LEFT_OUT is record.outcome


def test_clock_set_back_ends_the_window() -> None:
    """A listener that finds the run's beginning in the future stops nothing more."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.now -= 3600
    stage.run = resumed(stage.run, stage.now)
    stage.turn()

    assert stage.run.reason.startswith("overrun")
    assert [] == stage.wanted(StopProcesses)


# VERIFYING


@pytest.mark.parametrize(
    ("state", "phase"),
    [
        (S.RUNNING, Phase.SUCCEEDED),
        (S.STOPPED, Phase.SUCCEEDED),
        (S.FATAL, Phase.FAILED),
        (S.BACKOFF, Phase.FAILED),
        (S.EXITED, Phase.FAILED),
    ],
)
def test_after_snapshot_decides(state: ProcessState, phase: Phase) -> None:
    """What did not stay up fails the run; what somebody stopped does not."""
    stage = Stage(_plan(settle_seconds=10))
    del stage.statuses[B]
    stage.begin()
    stage.turn()
    stage.restart(A, 20)
    assert [] == stage.wanted(TakeSnapshot)
    stage.turn(seconds=10)
    assert [TakeSnapshot(When.AFTER)] == stage.wanted(TakeSnapshot)

    stage.move(A, state)
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    stage.turn(seconds=1)
    stage.turn(seconds=40)
    assert phase is stage.run.phase


def test_settling_waits_for_what_moves_but_not_for_ever() -> None:
    """What still moves after a minute is compared as it is."""
    stage = Stage(_plan(settle_seconds=10))
    stage.begin()
    stage.turn()
    stage.restart(A, 20)
    stage.turn()
    stage.restart(B, 21)
    stage.move(A, S.STARTING, 30)
    stage.turn(seconds=10)
    assert [] == stage.wanted(TakeSnapshot)
    stage.turn(seconds=50)
    assert [TakeSnapshot(When.AFTER)] == stage.wanted(TakeSnapshot)


def test_missing_comparison_does_not_hold_up_the_run() -> None:
    """It is noted."""
    stage = Stage()
    stage.statuses.clear()
    stage.begin()
    stage.turn()
    stage.turn(NotTaken(When.AFTER, "timeout"))

    assert (Phase.SUCCEEDED, "no comparison: timeout") == (stage.run.phase, stage.run.notes[-1])


def test_post_step_that_aborts_fails_the_run_after_the_others() -> None:
    """All post steps are run all the same."""
    post = (
        Step.after("one", "x", on_failure=OnStepFailure.ABORT),
        Step.after("two", "y"),
    )
    stage = Stage(_plan(pre=(Step.before("drain", "x"),), post=post))
    stage.statuses.clear()
    stage.begin()
    stage.turn(_ended("drain"))
    stage.turn()
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    stage.turn(_ended("one", StepOutcome.FAILED, StepPhase.POST))
    assert ["two"] == [action.step.name for action in stage.wanted(RunStep)]
    stage.turn(_ended("two", phase=StepPhase.POST))

    assert (Phase.FAILED, "post step one failed: so") == (stage.run.phase, stage.run.reason)


# The document


def test_run_becomes_json_and_comes_back() -> None:
    """At every turn of a rich run the document says all that a crash must not lose."""
    plan = Plan(
        name="nightly",
        schedule=Schedule.parse("0 3 * * *", "Asia/Tokyo"),
        max_unavailable=Allowance.parse("50%"),
        pre=(Step.before("drain", "x"),),
        post=(Step.after("undrain", "y"),),
        checks=(Step.before("check", "z"),),
        readiness=(Readiness(name="r", programs=("q",), kind=ProbeKind.TCP, address="h:1"),),
        exclude=("db", "x:*"),
    )
    stage = Stage(plan)
    stage.statuses[Namespec("old", "old")] = _status(Namespec("old", "old"), S.FATAL)
    stage.begin()
    seen = [stage.run]
    stage.turn(_ended("drain"))
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    seen.append(stage.run)
    for run in seen:
        document = json.loads(json.dumps(run.to_document()))
        again = Run.from_document(document)

        assert run.to_document() == again.to_document()
        assert run.plan == again.plan
        assert resumed(again, T).targets == resumed(Run.from_document(document), T).targets


def test_only_what_the_document_says_needs_the_journal() -> None:
    """What is found out again after a crash is no reason for a write."""
    stage = Stage()
    stage.begin()
    before = stage.run
    stage.turn()
    stopped = stage.run
    stage.turn(seconds=0.25)
    looked = stage.run

    assert stopped.needs_journal_after(before)
    assert not looked.needs_journal_after(stopped)
    assert not Run.from_document(looked.to_document()).needs_journal_after(stopped)


@pytest.mark.parametrize("document", [{}, {"id": "r1"}, {"id": "", "plan": {"name": "x"}}])
def test_what_is_no_run_is_refused(document: dict[str, Any]) -> None:
    """A document that lacks what a run needs is a ValueError, not a half run."""
    with pytest.raises(ValueError, match="expected"):
        Run.from_document(document)


def test_document_of_a_newer_version_is_read_without_what_is_new() -> None:
    """Unknown fields are left out, missing ones keep their default."""
    document = {**Stage().run.to_document(), "colour": "blue"}
    del document["notes"]

    assert () == Run.from_document(document).notes


def test_failed_one_that_recovery_starts_is_told_of() -> None:
    """The file was missing when it was to start; it stays a failure, and the story has its end."""
    stage = Stage()
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPED)
    stage.turn(seconds=0.5)
    stage.turn(*stage.answer(CallKind.START, A, outcome=CallOutcome.REFUSED))
    assert Phase.RECOVERING is stage.run.phase
    stage.turn(seconds=2)
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)
    stage.move(A, S.STARTING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    stage.move(A, S.RUNNING)
    stage.turn(seconds=1)

    assert Record("runs again", A) in stage.wanted(Record)
    assert Progress.FAILED is stage.progress(A)
    stage.turn(seconds=1)
    assert Record("runs again", A) not in stage.wanted(Record)


def test_each_group_is_given_its_own_time_to_mend_itself() -> None:
    """One that is held back later is not given up with the one that was first."""
    c, d = Namespec("db", "db1"), Namespec("db", "db2")
    stage = Stage(_plan(max_groups=2, on_failure=OnFailure.CONTINUE))
    stage.statuses |= {spec: _status(spec, S.RUNNING, pid=30 + n) for n, spec in enumerate((c, d))}
    stage.begin()
    stage.move(A, S.STOPPED)
    stage.turn()
    assert [StopProcesses((c,))] == stage.wanted(StopProcesses)
    stage.turn(*stage.answer(CallKind.STOP, c))
    _pass_seconds(stage, until=T + 12)
    stage.move(c, S.STOPPED)
    _pass_seconds(stage, until=T + 13)
    stage.move(c, S.FATAL)
    stage.turn(*stage.answer(CallKind.START, c))
    _pass_seconds(stage, until=T + 38)
    assert (Progress.FAILED, Progress.WAITING) == (stage.progress(B), stage.progress(d))

    _pass_seconds(stage, until=T + 50)
    assert Progress.FAILED is stage.progress(d)


def _pass_seconds(stage: Stage, until: float) -> None:
    while stage.now < until:
        stage.turn(seconds=1)


def test_phase_that_may_not_follow_is_refused() -> None:
    """The table is kept by the one place where a run changes its phase."""
    from supervisor_maint.maintenance.turn import Turn

    turn = Turn(Stage().run, Observation(), T)
    with pytest.raises(ValueError, match="SUCCEEDED cannot follow PENDING"):
        turn.enter(Phase.SUCCEEDED)
