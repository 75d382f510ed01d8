"""What a run makes of processes that others stopped, started or took away."""

from __future__ import annotations

import attrs
import pytest

from supervisor_maint.maintenance.actions import StartProcesses, StopProcesses
from supervisor_maint.maintenance.observation import AfterTaken, CallKind, CallOutcome
from supervisor_maint.maintenance.plan import Allowance
from supervisor_maint.maintenance.readiness import ProbeKind, Readiness
from supervisor_maint.maintenance.run import Phase, resumed
from supervisor_maint.maintenance.target import Progress
from tests.fakes.stage import A, B, S, Stage, T, nightly


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
    stage = Stage(nightly(max_unavailable=Allowance(2)))
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
    stage = Stage(nightly(readiness=(probe,) if has_probe else (), settle_seconds=5))
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


def test_process_that_is_gone_is_left() -> None:
    """An update took it out of the configuration."""
    stage = Stage()
    stage.begin()
    del stage.statuses[A]
    stage.turn()

    assert Progress.LEFT is stage.progress(A)
    assert [StopProcesses((B,))] == stage.wanted(StopProcesses)
