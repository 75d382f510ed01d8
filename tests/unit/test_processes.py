"""The values that everything else is built on."""

from __future__ import annotations

import itertools

import pytest

from supervisor_maint.processes import Namespec

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
