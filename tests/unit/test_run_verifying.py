"""VERIFYING, turn by turn: settled, and compared with before."""

from __future__ import annotations

import pytest

from supervisor_maint.maintenance.actions import TakeSnapshot, When
from supervisor_maint.maintenance.observation import AfterTaken, NotTaken
from supervisor_maint.maintenance.run import Phase
from supervisor_maint.processes import ProcessState
from tests.fakes.stage import A, B, S, Stage, nightly


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
    stage = Stage(nightly(settle_seconds=10))
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
    stage = Stage(nightly(settle_seconds=10))
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
