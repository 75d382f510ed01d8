"""The simulation finds what it is there to find: every planted fault breaks its invariant."""

from __future__ import annotations

import pytest

from tests.simulation.judge import INVARIANTS
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.scenario import draw
from tests.simulation.simulation import Shell, Simulation

SEEDS = 400


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_is_caught(mutant: Mutant) -> None:
    """The invariant named for a fault is broken by one of the first seeds."""
    with mutant.planted() as shell:
        caught = any(mutant.invariant in _broken(seed, shell) for seed in range(SEEDS))

    assert caught


def test_mutants_leave_nothing_behind() -> None:
    """A fault that was planted is gone afterwards."""
    for mutant in MUTANTS:
        with mutant.planted():
            pass

    assert set() == set().union(*(_broken(seed, Shell()) for seed in range(20)))


def test_every_invariant_has_its_mutant() -> None:
    """No invariant is there that never noticed anything."""
    assert set(INVARIANTS) == {mutant.invariant for mutant in MUTANTS}


def _broken(seed: int, shell: Shell) -> set[str]:
    simulation = Simulation(draw(seed), shell)
    simulation.play()
    return {violation.invariant for violation in simulation.judge.violations}
