"""The values that everything else is built on."""

from __future__ import annotations

import itertools

import pytest

from supervisor_maint.processes import Namespec, OutputSizes

IN_ORDER = (Namespec("a", "z"), Namespec("b", "a"), Namespec("b", "b"), Namespec("b:", "a"))


def test_namespecs_sort_by_group_then_name() -> None:
    """Whatever the order they come in, names are sorted by group, then by process."""
    for shuffled in itertools.permutations(IN_ORDER):
        assert list(IN_ORDER) == sorted(shuffled)


def test_namespecs_compare_with_namespecs_only() -> None:
    """A name in text has no place among names."""
    with pytest.raises(TypeError):
        sorted([Namespec("a", "a"), "a:a"])  # type: ignore[type-var,list-item]


def test_equal_namespecs_are_one_key() -> None:
    """Two of the same name are found in each other's place, and are neither before the other."""
    one, other = Namespec("a", "b"), Namespec("a", "b")

    assert {one: 1} == {other: 1}
    assert not one < other
    assert one <= other


@pytest.mark.parametrize(
    ("before", "now", "written"),
    [((0, 0), (0, 7), (0, 7)), ((5, 9), (8, 9), (3, 0)), ((100, 5), (40, 5), (40, 0))],
)
def test_what_was_written_since(
    before: tuple[int, int], now: tuple[int, int], written: tuple[int, int]
) -> None:
    """A log that is smaller than it was has been rotated, and all of it was written since."""
    assert OutputSizes(*written) == OutputSizes(*now).written_since(OutputSizes(*before))
