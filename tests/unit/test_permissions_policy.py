"""The rules together: which governs a path, and which get in each other's way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.permissions.policy import Policy, may_overlap, overlaps
from supervisor_maint.permissions.rules import SUPERVISOR_LOGS, Rule
from tests.fakes.permissions import rule

TREE = {"path": "/srv/app", "recursive": True}


def _policy(*given: dict[str, Any]) -> Policy:
    return Policy([rule(name=f"rule{place}", **each) for place, each in enumerate(given, start=1)])


@pytest.mark.parametrize(
    ("given", "path", "expected"),
    [
        ([TREE], "/srv/app/a", "rule1"),
        ([TREE], "/srv/other", None),
        ([TREE, {"path": "/srv/app/a"}], "/srv/app/a", "rule2"),
        ([{"path": "/srv/app/a"}, TREE], "/srv/app/a", "rule2"),
        ([{"path": "/srv/app/a"}, {"path": "/srv/app/a"}], "/srv/app/a", "rule2"),
        ([TREE, {"path": "/srv/app/a", "is_enabled": False}], "/srv/app/a", "rule1"),
        ([TREE, {**TREE, "exclude": ("a",)}], "/srv/app/a", "rule1"),
        ([TREE, {**TREE, "exclude": ("a",)}], "/srv/app/b", "rule2"),
        ([TREE, {**TREE, "dir_mode": "0755"}], "/srv/app/a", "rule1"),
        ([{"path": "/srv/app/a"}, {"path": "/srv/app/*"}, {"path": "/srv/b"}], "/srv/b", "rule3"),
    ],
)
def test_later_rule_governs(given: list[dict[str, Any]], path: str, expected: str | None) -> None:
    """Of the rules that are about a path and its kind, the last one governs it."""
    found = _policy(*given).rule_for(path, is_directory=False)

    assert expected == (found and found.name)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (TREE, TREE, True),
        (TREE, {"path": "/srv/app/a/b"}, True),
        (TREE, {"path": "/srv/app"}, True),
        (TREE, {"path": "/srv/application"}, False),
        (TREE, {"path": "/srv"}, False),
        (TREE, {"path": "/srv/app/sub", "recursive": True}, True),
        (TREE, {"path": "/srv/*/log"}, True),
        (TREE, {"path": "/srv/b*/log"}, False),
        (TREE, {"path": "/srv/app/**/log"}, True),
        ({"path": "/t/*.hash"}, {"path": "/t/*.log"}, False),
        ({"path": "/t/*.hash"}, {"path": "/t/a*"}, True),
        ({"path": "/t"}, {"path": "/t/*.hash"}, False),
        ({"path": "/t/a"}, {"path": "/t/a"}, True),
        ({"path": "/t/a", "file_mode": "0644"}, {"path": "/t/a", "dir_mode": "0755"}, False),
        ({"path": "/t/a", "owner": "app"}, {"path": "/t/a", "dir_mode": "0755"}, True),
        ({**TREE, "exclude": ("*.gz",)}, {"path": "/srv/app/x.gz"}, False),
        ({**TREE, "exclude": ("*.gz",)}, {"path": "/srv/app/*.gz"}, False),
        ({**TREE, "exclude": ("*.gz",)}, {**TREE, "include": ("*.gz",)}, False),
        ({**TREE, "exclude": ("*.gz",)}, {"path": "/srv/app/*"}, True),
        ({**TREE, "include": ("*.log",)}, {**TREE, "include": ("*.gz",)}, False),
        ({**TREE, "include": ("*.log",)}, {**TREE, "include": ("a*",)}, True),
        ({**TREE, "include": ("*.log",)}, {"path": "/srv/app/*.gz"}, False),
        ({**TREE, "include": ("*.log",)}, TREE, True),
        ({**TREE, "exclude": ("app",)}, {"path": "/srv/app"}, True),
        ({**TREE, "exclude": ("a*",)}, {"path": "/srv/a*"}, True),
        ({"path": SUPERVISOR_LOGS}, {"path": SUPERVISOR_LOGS}, True),
        ({"path": SUPERVISOR_LOGS}, TREE, False),
    ],
)
def test_rules_overlap(one: dict[str, Any], other: dict[str, Any], expected: bool) -> None:
    """Two rules overlap when both may be about one path and one kind, in either order."""
    assert expected == may_overlap(rule(**one), rule(**other))
    assert expected == may_overlap(rule(**other), rule(**one))


_PATHS = ["/t", "/t/a", "/t/a/b", "/t/b", "/t/b/a"]
_CHOICES = st.lists(st.sampled_from(["a", "b", "*", "?", "a/b", "**/b"]), max_size=2).map(tuple)


@st.composite
def _rules(draw: st.DrawFn) -> Rule:
    path = draw(st.sampled_from([*_PATHS, "/t/*", "/t/**", "/t/?/b", "/t/*/*"]))
    recursive = draw(st.booleans())
    chooses = recursive or "*" in path or "?" in path
    return rule(
        path,
        recursive=recursive,
        include=draw(_CHOICES) if chooses else (),
        exclude=draw(_CHOICES) if chooses else (),
    )


@given(one=_rules(), other=_rules(), path=st.sampled_from(_PATHS))
def test_overlap_is_never_missed(one: Rule, other: Rule, path: str) -> None:
    """Two rules that are about the same path always overlap."""
    if one.covers(path, is_directory=False) and other.covers(path, is_directory=False):
        assert may_overlap(one, other)


@given(rules=st.lists(_rules(), max_size=4), path=st.sampled_from(_PATHS))
def test_rule_without_a_rival_governs_what_it_covers(rules: list[Rule], path: str) -> None:
    """What a rule covers is its own, or that of a rival of its."""
    policy = _policy_of(rules)
    governing = policy.rule_for(path, is_directory=False)

    for each in policy.rules:
        if each.covers(path, is_directory=False):
            assert governing in (each, *policy.rivals_of(each))


def _policy_of(rules: list[Rule]) -> Policy:
    return Policy(
        rule(
            each.path,
            name=f"rule{place}",
            recursive=each.recursive,
            include=each.include,
            exclude=each.exclude,
        )
        for place, each in enumerate(rules)
    )


def test_rivals_are_later_ones() -> None:
    """Only a later rule can take a path, the last one first."""
    policy = _policy(TREE, {"path": "/srv/app/a"}, {"path": "/srv/b"}, {"path": "/srv/app/*"})
    first, second, third, fourth = policy.rules

    assert (fourth, second) == policy.rivals_of(first)
    assert (fourth,) == policy.rivals_of(second)
    assert () == policy.rivals_of(third)
    assert () == policy.rivals_of(fourth)


def test_overlaps_are_pairs_in_order() -> None:
    """Every pair is told once, the earlier rule first, and none with a rule that is off."""
    policy = _policy(TREE, {"path": "/srv/app/a"}, {**TREE, "is_enabled": False}, {"path": "/x"})
    first, second, *_ = policy.rules

    assert [(first, second)] == list(overlaps(policy.rules))
