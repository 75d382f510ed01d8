"""How the benchmarks make outages of answers."""

from __future__ import annotations

import pytest

from benchmarks.outages import Answer, Interval, outages, seconds_of_all


@pytest.mark.parametrize(
    ("served", "expected"),
    [
        ("", []),
        ("1111", []),
        ("1001", [(0.5, 2.5)]),
        ("0011", [(0.0, 1.5)]),
        ("1100", [(1.5, 3.0)]),
        ("000", [(0.0, 2.0)]),
        ("10101", [(0.5, 1.5), (2.5, 3.5)]),
    ],
)
def test_outage_is_halfway_between_answers(served: str, expected: list[Interval]) -> None:
    """An outage lasts from between its first failure and the answer before, to the next one."""
    answers = [Answer(float(at), word == "1") for at, word in enumerate(served)]

    assert expected == outages(answers)


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        ([], 0.0),
        ([[(1.0, 3.0)]], 2.0),
        ([[(1.0, 3.0)], []], 0.0),
        ([[(1.0, 3.0)], [(2.0, 5.0)]], 1.0),
        ([[(1.0, 2.0)], [(2.0, 3.0)]], 0.0),
        ([[(0.0, 1.0), (2.0, 4.0)], [(0.5, 3.0)], [(0.0, 9.0)]], 1.5),
    ],
)
def test_seconds_of_all(each: list[list[Interval]], expected: float) -> None:
    """Only the time counts in which every server was away."""
    assert expected == seconds_of_all(each)
