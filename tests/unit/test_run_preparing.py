"""PENDING and PREPARING, turn by turn: whether to begin, and what comes before the first stop."""

from __future__ import annotations

import pytest

from supervisor_maint.maintenance.actions import (
    Announce,
    AskBlockers,
    RotateLogs,
    RunStep,
    StepPhase,
    StopProcesses,
    TakeSnapshot,
    WakeAt,
    When,
)
from supervisor_maint.maintenance.observation import (
    Announced,
    BeforeTaken,
    BlockersAnswer,
    NotTaken,
    Published,
    Result,
    StepOutcome,
)
from supervisor_maint.maintenance.plan import Step
from supervisor_maint.maintenance.readiness import ProbeKind, Readiness
from supervisor_maint.maintenance.run import Phase, Run, resumed
from supervisor_maint.maintenance.targets import Pools
from supervisor_maint.processes import Namespec
from tests.fakes.stage import A, S, Stage, T, ended, nightly, status


def test_blocked_run_asks_again_every_15_seconds_and_is_skipped() -> None:
    """It says why, and that only once start_within is over."""
    stage = Stage(nightly(start_within_seconds=40))
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
    stage = Stage(nightly(start_within_seconds=40))
    stage.turn()
    stage.turn(BlockersAnswer(()), seconds=41)

    assert Phase.SKIPPED is stage.run.phase


def test_cancel_before_the_beginning_skips() -> None:
    """Nothing was begun, so nothing fails."""
    stage = Stage()
    stage.turn(cancelled_by="ann")

    assert (Phase.SKIPPED, "cancelled by ann") == (stage.run.phase, stage.run.reason)


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
    stage = Stage(nightly(readiness=(check,)))
    stage.statuses = {Namespec("web", "web"): status(Namespec("web", "web"), S.RUNNING, 5)}
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
    stage = Stage(nightly(pre=(step,), rotate_logs=True, lead_seconds=30))
    stage.begin()
    assert [RunStep(phase=StepPhase.PRE, step=step, attempt=1)] == stage.wanted(RunStep)

    stage.turn(ended("drain"), seconds=1)
    assert 1 == len(stage.wanted(RotateLogs))

    stage.turn(ended("rotate-logs", phase=StepPhase.ROTATE), seconds=1)
    assert (Phase.PREPARING, [WakeAt(T + 30)]) == (stage.run.phase, stage.wanted(WakeAt))

    stage.turn(Announced())
    stage.turn()
    assert [StopProcesses((A,))] == stage.wanted(StopProcesses)


def test_run_is_announced_once_while_it_is_prepared() -> None:
    """And again by the next listener, who knows of no answer."""
    stage = Stage(nightly(lead_seconds=30))
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
    stage = Stage(nightly(lead_seconds=lead))
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


def test_preparing_has_a_limit() -> None:
    """A run that prepared for hours, with a dead listener, restarts nothing any more."""
    stage = Stage(nightly(pre=(Step.before("drain", "x"),)))
    stage.begin()
    stage.run = resumed(stage.run, stage.now + 7200)
    stage.turn(seconds=7200)
    stage.turn(ended("drain", StepOutcome.UNKNOWN, attempt=2))

    assert Phase.FAILED is stage.run.phase
    assert stage.run.reason.startswith("overrun: preparing took longer")


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
