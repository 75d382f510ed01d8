"""How many at once: the rule at a moment, and what follows from it."""

from __future__ import annotations

import cProfile
from collections.abc import Callable
from typing import Any

import attrs
import hypothesis
import pytest
from hypothesis import strategies

from supervisor_maint.maintenance.batches import Member, held_back_by, next_stops, preview
from supervisor_maint.maintenance.plan import Allowance, Plan, Strategy
from supervisor_maint.maintenance.targets import Chosen
from supervisor_maint.processes import Namespec


def _member(name: str, group_priority: int = 1, process_priority: int = 1, **how: Any) -> Member:
    return Member(
        namespec=Namespec.parse(name),
        group_priority=group_priority,
        process_priority=process_priority,
        **{"may_stop": True, **how},
    )


def _done(name: str, **how: Any) -> Member:
    return _member(name, is_settled=True, is_begun=True, may_stop=False, **how)


def _going(name: str, **how: Any) -> Member:
    return _member(name, is_begun=True, is_away=True, may_stop=False, **how)


def _plan(unavailable: str = "1", groups: int = 1, strategy: Strategy = Strategy.ROLLING) -> Plan:
    return Plan(
        name="p",
        max_unavailable=Allowance.parse(unavailable),
        max_groups=groups,
        strategy=strategy,
    )


@pytest.mark.parametrize(
    ("name", "plan", "members", "expected"),
    [
        ("one of a group", _plan(), [_member("a:1"), _member("a:2")], ["a:1"]),
        ("two of a group", _plan("2"), [_member("a:1"), _member("a:2"), _member("a:3")],
         ["a:1", "a:2"]),
        ("a share, rounded down", _plan("50%"), [_member(f"a:{n}") for n in range(5)],
         ["a:0", "a:1"]),
        ("a share, at least one", _plan("10%"), [_member("a:1"), _member("a:2")], ["a:1"]),
        ("one is away already", _plan(), [_going("a:1"), _member("a:2")], []),
        ("one is away for a foreign reason", _plan(),
         [_member("a:1", is_settled=True, is_away=True, may_stop=False), _member("a:2")], []),
        ("the away one leaves room for one", _plan("2"), [_going("a:1"), _member("a:2"),
         _member("a:3")], ["a:2"]),
        ("one group at a time", _plan(), [_member("a:1"), _member("b:1")], ["a:1"]),
        ("two groups at a time", _plan(groups=2), [_member("a:1"), _member("b:1"),
         _member("c:1")], ["a:1", "b:1"]),
        ("a group begun goes first", _plan(), [_member("a:1"), _done("b:1"), _member("b:2")],
         ["b:2"]),
        ("a group that waits keeps its place", _plan(), [_member("a:1"), _going("b:1"),
         _member("b:2")], []),
        ("next priority only when the former is done", _plan(groups=4),
         [_going("a:1"), _member("b:1", 2)], []),
        ("now it is", _plan(groups=4), [_done("a:1"), _member("b:1", 2)], ["b:1"]),
        ("process priority in the group", _plan("3"),
         [_member("a:1", 1, 1), _member("a:2", 1, 2)], ["a:1"]),
        ("what is not RUNNING yet is waited for", _plan(),
         [_member("a:1", may_stop=False, is_away=True), _member("a:2")], []),
        ("nothing left", _plan(), [_done("a:1")], []),
        ("all at once", _plan(strategy=Strategy.ALL_AT_ONCE),
         [_member("a:1"), _member("a:2"), _member("b:1", 2)], ["a:1", "a:2", "b:1"]),
        ("all at once waits for all", _plan(strategy=Strategy.ALL_AT_ONCE),
         [_member("a:1"), _member("a:2", may_stop=False)], []),
    ],
)  # fmt: skip
def test_next_stops(name: str, plan: Plan, members: list[Member], expected: list[str]) -> None:
    """What may be stopped at one moment."""
    assert expected == [spec.qualified for spec in next_stops(plan, members)], name


def test_held_back_group_names_who_is_away() -> None:
    """A group that cannot move says because of whom; one that moves says nobody."""
    gone = _member("a:1", is_settled=True, is_away=True, may_stop=False)
    allowed = Allowance(1)

    assert (gone.namespec,) == held_back_by([gone, _member("a:2")], allowed)
    assert () == held_back_by([_going("a:1"), _member("a:2")], allowed)
    assert () == held_back_by([_done("a:1"), _member("a:2")], allowed)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (_plan(), [["a:1"], ["a:2"], ["a:3"], ["b:1"], ["b:2"]]),
        (_plan("2"), [["a:1", "a:2"], ["a:3"], ["b:1", "b:2"]]),
        (_plan("2", groups=2), [["a:1", "a:2", "b:1", "b:2"], ["a:3"]]),
        (_plan(strategy=Strategy.ALL_AT_ONCE), [["a:1", "a:2", "a:3", "b:1", "b:2"]]),
    ],
)
def test_preview(plan: Plan, expected: list[list[str]]) -> None:
    """The batches that a dry run shows."""
    chosen = [
        Chosen(namespec=Namespec.parse(name), pid=1, started_at=1.0)
        for name in ("a:1", "a:2", "a:3", "b:1", "b:2")
    ]

    assert expected == [[spec.qualified for spec in batch] for batch in preview(plan, chosen)]


@pytest.mark.parametrize(
    ("text", "members", "expected"),
    [("1", 9, 1), ("3", 2, 3), ("25%", 12, 3), ("25%", 3, 1), ("100%", 4, 4), ("33 %", 9, 2)],
)
def test_allowance(text: str, members: int, expected: int) -> None:
    """A count, or a share rounded down and at least one."""
    assert expected == Allowance.parse(text).of(members)


@pytest.mark.parametrize("text", ["0", "0%", "101%", "-1", "1.5", "half", ""])
def test_what_is_no_allowance(text: str) -> None:
    """Nothing, more than all, and words are refused."""
    with pytest.raises(ValueError, match="expected a"):
        Allowance.parse(text)


def _by_the_rule(plan: Plan, chosen: list[Chosen]) -> list[tuple[Namespec, ...]]:
    """Return the batches when the rule is asked anew after each."""
    members = [
        _member(one.namespec.qualified, one.group_priority, one.process_priority)
        for one in chosen
    ]  # fmt: skip
    batches = []
    while not all(member.is_settled for member in members):
        batches.append(next_stops(plan, members))
        members = [
            attrs.evolve(each, is_settled=True, is_begun=True, may_stop=False)
            if each.namespec in batches[-1]
            else each
            for each in members
        ]
    return batches


def _chosen(groups: list[tuple[int, int, int]]) -> list[Chosen]:
    """Return the processes of groups: how many each has, its priority, and how many of its own."""
    chosen = [
        Chosen(namespec=Namespec(f"g{number}", str(member)), pid=1, started_at=1.0,
               group_priority=priority, process_priority=member % priorities)
        for number, (size, priority, priorities) in enumerate(groups)
        for member in range(size)
    ]  # fmt: skip
    return sorted(chosen, key=lambda one: one.order)


_groups = strategies.lists(
    strategies.tuples(
        strategies.integers(1, 6), strategies.integers(1, 2), strategies.integers(1, 2)
    ),
    max_size=5,
)
_unavailable = strategies.sampled_from(["1", "2", "50%", "100%"])


@hypothesis.given(
    groups=_groups,
    unavailable=_unavailable,
    max_groups=strategies.integers(1, 4),
    strategy=strategies.sampled_from(Strategy),
)
def test_preview_is_what_the_rule_comes_to(
    groups: list[tuple[int, int, int]], unavailable: str, max_groups: int, strategy: Strategy
) -> None:
    """A dry run shows the batches that a run makes when all take equally long."""
    plan, chosen = _plan(unavailable, max_groups, strategy), _chosen(groups)

    assert _by_the_rule(plan, chosen) == list(preview(plan, chosen))


@pytest.mark.parametrize("size", [1, 10])
def test_preview_takes_its_time_once_for_each_process(size: int) -> None:
    """Twice as many processes take twice as long, not four times: the loop waits for it."""
    plan = _plan(groups=4)

    once, twice = (_calls(preview, plan, _chosen([(size, 1, 1)] * count)) for count in (50, 100))

    assert twice <= 2.1 * once


def _calls(function: Callable[..., Any], *args: Any) -> int:
    """Count the calls, of C code too, that a call makes."""
    profile = cProfile.Profile()
    profile.runcall(function, *args)
    return sum(entry.callcount for entry in profile.getstats())


@hypothesis.given(groups=_groups, unavailable=_unavailable, max_groups=strategies.integers(1, 4))
def test_rule_restarts_everything_within_its_limits(
    groups: list[tuple[int, int, int]], unavailable: str, max_groups: int
) -> None:
    """However the groups look, each process has its turn once, and no limit is passed."""
    plan, chosen = _plan(unavailable, max_groups), _chosen(groups)
    batches = preview(plan, chosen)

    assert sorted(spec for batch in batches for spec in batch) == sorted(
        one.namespec for one in chosen
    )
    for batch in batches:
        names = [spec.group for spec in batch]
        assert len(set(names)) <= max_groups
        for name in names:
            members = sum(one.namespec.group == name for one in chosen)
            assert names.count(name) <= plan.max_unavailable.of(members)
    assert attrs.evolve(plan) == plan
