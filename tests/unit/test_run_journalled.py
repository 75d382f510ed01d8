"""What of a run is journalled: before it is done, and before anybody is told."""

from __future__ import annotations

from supervisor_maint.maintenance.actions import StepPhase, StopProcesses
from supervisor_maint.maintenance.observation import AfterTaken, CallKind, CallOutcome, StepOutcome
from supervisor_maint.maintenance.plan import Allowance, Step
from supervisor_maint.maintenance.run import Phase, Run
from tests.fakes.stage import A, B, S, Stage, ended, nightly


def test_everything_is_in_the_run_before_it_is_done() -> None:
    """What is to be stopped, started or run has its intent in the run that comes with it."""
    stage = Stage(nightly(pre=(Step.before("drain", "x"),)))
    stage.begin()
    record = stage.run.step(StepPhase.PRE, "drain")
    assert record is not None
    assert StepOutcome.RUNNING is record.outcome

    stage.turn(ended("drain"))
    stage.turn()
    target = (stage.run.targets or ())[0]
    assert target.stop is not None
    assert (stage.now, CallOutcome.PENDING) == (target.stop.asked_at, target.stop.outcome)
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


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
    stage = Stage(nightly(max_unavailable=Allowance(2)))
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
