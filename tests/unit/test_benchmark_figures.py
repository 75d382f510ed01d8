"""How the benchmarks make figures of numbers."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import figures, tables
from benchmarks.figures import at_least, at_most
from benchmarks.tables import Table

SECONDS = st.floats(min_value=0, max_value=1e6, allow_nan=False)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([5.0], 0.5, 5.0),
        ([3.0, 1.0, 2.0], 0.5, 2.0),
        ([4.0, 3.0, 2.0, 1.0], 0.5, 2.0),
        ([float(value) for value in range(1, 101)], 0.99, 99.0),
        ([float(value) for value in range(1, 101)], 1.0, 100.0),
        ([2.0, 1.0], 0.0, 1.0),
    ],
)
def test_quantile_is_a_value_that_was_measured(
    values: list[float], share: float, expected: float
) -> None:
    """It is the nearest rank: nothing between two values is made up."""
    assert expected == figures.quantile(values, share)


@given(values=st.lists(SECONDS, min_size=1), share=st.floats(min_value=0, max_value=1))
def test_quantile_is_not_exceeded_by_its_share(values: list[float], share: float) -> None:
    """At least the share of the values is not above it."""
    found = figures.quantile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)


def test_quantile_of_nothing_is_refused() -> None:
    """No value, no figure."""
    with pytest.raises(ValueError, match="expected at least one value"):
        figures.quantile([], 0.5)


def test_one_disturbed_round_does_not_move_the_median() -> None:
    """The figure of each round is made first, then the middle one is taken."""
    assert 2.0 == figures.median_of([[1.0], [900.0], [2.0]], statistics.mean)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([1.0, 2.0], [1.0, 2.0]),
        ([7.0], [7.0, 5.0, 3.0, 1.0]),
        ([1.0, 4.0], [1.0, 4.0, 2.0]),
        ([], []),
    ],
)
def test_events_that_would_have_come_are_added(seconds: list[float], expected: list[float]) -> None:
    """With one event each 2 s, each further one meets what is left of the pause."""
    assert expected == figures.with_those_kept_waiting(seconds, 2.0)


@pytest.mark.parametrize(
    ("target", "value", "expected"),
    [
        (at_most(2, "2 ms"), 2, "≤ 2 ms: reached"),
        (at_most(2, "2 ms"), 2.1, "≤ 2 ms: **not reached**"),
        (at_least(50, "50x"), 50, "≥ 50x: reached"),
        (at_least(50, "50x"), 49, "≥ 50x: **not reached**"),
    ],
)
def test_target_says_whether_it_is_reached(
    target: figures.Target, value: float, expected: str
) -> None:
    """A limit may be met exactly."""
    assert expected == target.verdict(value)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.000_055_5, "0.06 ms"),
        (0.0123, "12.3 ms"),
        (0.5, "500 ms"),
        (9.999, "9999 ms"),
        (67.2, "67 s"),
    ],
)
def test_duration_has_the_digits_that_matter(seconds: float, expected: str) -> None:
    """Fine where it is short, whole where it is long."""
    assert expected == tables.duration(seconds)


def test_table_is_markdown() -> None:
    """A heading, a sentence, and a row for each row."""
    table = Table(title="Speed", note="How.", columns=("who", "how fast"), rows=[("we", "9")])
    expected = "## Speed\n\nHow.\n\n| who | how fast |\n| --- | --- |\n| we | 9 |\n"

    assert expected == table.markdown()
