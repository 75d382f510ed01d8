"""Two thousand stories, each with everything going wrong that its seed says."""

from __future__ import annotations

import pytest

from tests.simulation.simulation import play

SEEDS = 2000
CHUNK = 100  # small enough to be spread over cores, big enough not to be all overhead


@pytest.mark.parametrize("start", range(0, SEEDS, CHUNK))
def test_invariants_hold_whatever_happens(start: int) -> None:
    """No seed breaks an invariant; one that does prints its story."""
    for seed in range(start, start + CHUNK):
        played = play(seed)

        assert () == played.violations, played.report()


def test_same_seed_tells_same_story() -> None:
    """A seed is one story, so that a failure can be looked at again."""
    first = play(11, tells_story=True)
    second = play(11, tells_story=True)

    assert first == second
    assert first.story


def test_stories_end_in_every_way() -> None:
    """The seeds are not all of one kind: runs succeed, fail and are skipped."""
    outcomes = {play(seed).phase for seed in range(60)}

    assert {"succeeded", "failed", "skipped"} <= {phase.value for phase in outcomes if phase}
