"""The steps of a run, turn by turn: each once, and what their ends mean for the run."""

from __future__ import annotations

import pytest

from supervisor_maint.maintenance.actions import AwaitStep, RunStep, StepPhase, StopProcesses
from supervisor_maint.maintenance.observation import AfterTaken, StepOutcome
from supervisor_maint.maintenance.plan import OnStepFailure, Step
from supervisor_maint.maintenance.run import Phase, resumed
from tests.fakes.stage import Stage, ended, nightly


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
    stage = Stage(nightly(pre=(Step.before("drain", "x", on_failure=on_failure),)))
    stage.begin()
    stage.turn(ended("drain", outcome))

    assert phase is stage.run.phase
    assert not stage.wanted(StopProcesses) or phase is Phase.RESTARTING


def test_post_steps_follow_a_skip_by_exit_75() -> None:
    """What the pre step had begun is undone."""
    post = Step.after("undrain", "y")
    stage = Stage(nightly(pre=(Step.before("drain", "x"),), post=(post,)))
    stage.begin()
    stage.turn(ended("drain", StepOutcome.SKIP_RUN))

    assert [RunStep(phase=StepPhase.POST, step=post, attempt=1)] == stage.wanted(RunStep)
    stage.turn(ended("undrain", phase=StepPhase.POST))
    assert Phase.SKIPPED is stage.run.phase
    assert "pre step drain says so: so" == stage.run.reason


def test_cancel_waits_for_the_step_under_way() -> None:
    """The post steps do not begin while the pre step they undo still runs."""
    stage = Stage(nightly(pre=(Step.before("drain", "x"),), post=(Step.after("undrain", "y"),)))
    stage.begin()
    stage.turn(cancelled_by="ann")
    assert [] == stage.wanted(RunStep)

    stage.turn(ended("drain"))
    assert 1 == len(stage.wanted(RunStep))
    stage.turn(ended("undrain", phase=StepPhase.POST))
    assert (Phase.FAILED, "cancelled by ann") == (stage.run.phase, stage.run.reason)


@pytest.mark.parametrize(("idempotent", "expected"), [(True, RunStep), (False, AwaitStep)])
def test_interrupted_step(idempotent: bool, expected: type) -> None:
    """After a crash an idempotent step is run again; of another the end is awaited."""
    stage = Stage(nightly(pre=(Step.before("drain", "x", idempotent=idempotent),)))
    stage.begin()
    stage.run = resumed(stage.run, stage.now)
    stage.turn()

    assert [2] == [action.attempt for action in stage.wanted(expected)]
    stage.turn(ended("drain", attempt=1))
    assert Phase.PREPARING is stage.run.phase


def test_step_of_which_nothing_is_heard_is_unknown_in_the_end() -> None:
    """The shell ends it at its limit; if even that is not heard, the run goes on."""
    stage = Stage(nightly(pre=(Step.before("drain", "x", timeout_seconds=10),)))
    stage.begin()
    stage.turn(seconds=79)
    assert Phase.PREPARING is stage.run.phase

    stage.turn(seconds=1)
    assert Phase.FAILED is stage.run.phase
    assert "nothing was heard of it" in stage.run.reason


def test_post_step_that_aborts_fails_the_run_after_the_others() -> None:
    """All post steps are run all the same."""
    post = (
        Step.after("one", "x", on_failure=OnStepFailure.ABORT),
        Step.after("two", "y"),
    )
    stage = Stage(nightly(pre=(Step.before("drain", "x"),), post=post))
    stage.statuses.clear()
    stage.begin()
    stage.turn(ended("drain"))
    stage.turn()
    stage.turn(AfterTaken(snapshot=stage.snapshot()))
    stage.turn(ended("one", StepOutcome.FAILED, StepPhase.POST))
    assert ["two"] == [action.step.name for action in stage.wanted(RunStep)]
    stage.turn(ended("two", phase=StepPhase.POST))

    assert (Phase.FAILED, "post step one failed: so") == (stage.run.phase, stage.run.reason)
