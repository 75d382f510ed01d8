"""RECOVERING, turn by turn: why a run stops nothing more, and that nothing stays stopped."""

from __future__ import annotations

import pytest

from supervisor_maint.maintenance.actions import (
    Record,
    RunStep,
    StartProcesses,
    StepPhase,
    StopProcesses,
)
from supervisor_maint.maintenance.observation import AfterTaken, CallKind, CallOutcome, StepOutcome
from supervisor_maint.maintenance.plan import OnOverrun, Step
from supervisor_maint.maintenance.run import Phase, resumed
from supervisor_maint.maintenance.target import Progress
from supervisor_maint.processes import ProcessState
from tests.fakes.stage import A, S, Stage, T, ended, nightly


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


def test_process_that_does_not_stop_is_started_when_it_did() -> None:
    """The run fails, its post steps are run, and it waits: nothing stays stopped."""
    stage = Stage(nightly(post=(Step.after("undrain", "y"),)))
    stage.begin()
    stage.turn()
    stage.turn(*stage.answer(CallKind.STOP, A))
    stage.move(A, S.STOPPING)
    stage.turn(seconds=20)
    assert "web:web1: it did not stop within 20 s" == stage.run.reason
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    stage.turn(ended("undrain", phase=StepPhase.POST))
    stage.turn(seconds=600)
    assert Phase.RECOVERING is stage.run.phase

    stage.move(A, S.STOPPED)
    stage.turn()
    assert [StartProcesses((A,))] == stage.wanted(StartProcesses)
    stage.move(A, S.RUNNING, 20)
    stage.turn(*stage.answer(CallKind.START, A))
    assert Phase.FAILED is stage.run.phase


@pytest.mark.parametrize(
    ("on_overrun", "phase"),
    [(OnOverrun.FINISH, Phase.RESTARTING), (OnOverrun.RECOVER, Phase.RECOVERING)],
)
def test_overrun(on_overrun: OnOverrun, phase: Phase) -> None:
    """After max_duration nothing more is stopped, what is stopped is started, the run fails."""
    stage = Stage(nightly(max_duration_seconds=30, on_overrun=on_overrun))
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


def test_late_recovery_starts_and_reports_only() -> None:
    """An hour past the deadline no post step is run, and each is accounted for."""
    stage = Stage(nightly(post=(Step.after("undrain", "y"),)))
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
