"""The phases of a run: what may follow what."""

from __future__ import annotations

import attrs
import pytest

from supervisor_maint.maintenance.observation import BlockersAnswer, Observation
from supervisor_maint.maintenance.run import TRANSITIONS, Phase
from supervisor_maint.maintenance.turn import Turn
from tests.fakes.stage import Stage, T


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


def test_phase_that_may_not_follow_is_refused() -> None:
    """The table is kept by the one place where a run changes its phase."""
    turn = Turn(Stage().run, Observation(), T)
    with pytest.raises(ValueError, match="SUCCEEDED cannot follow PENDING"):
        turn.enter(Phase.SUCCEEDED)
