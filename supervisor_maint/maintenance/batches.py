"""How many at once: the rule that a rolling run keeps at every moment. No I/O here.

There is no list of batches drawn up in advance. Each time, the rule looks at who is away *for
whatever reason* and says who may be stopped now:

- only the lowest group priority that has something left to do;
- of it at most ``max_groups`` groups, those already begun first;
- in a group only the lowest process priority that has something left to do;
- and never so many that ``max_unavailable`` of the group would be exceeded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from operator import attrgetter

import attrs

from supervisor_maint.maintenance.plan import Allowance, Plan, Strategy
from supervisor_maint.maintenance.targets import Chosen
from supervisor_maint.processes import Namespec


@attrs.frozen(kw_only=True)
class Member:
    """One process of the plan at a moment.

    ``is_settled``: nothing more is done with it. ``is_begun``: this run has stopped it.
    ``is_away``: it is neither RUNNING and ready nor has it run to its end as expected, whoever
    caused that. ``may_stop``: it is RUNNING as it was before the run.
    """

    namespec: Namespec
    group_priority: int
    process_priority: int
    is_settled: bool = False
    is_begun: bool = False
    is_away: bool = False
    may_stop: bool = False


def next_stops(plan: Plan, members: Sequence[Member]) -> tuple[Namespec, ...]:
    """Return the processes to stop now. ``members`` are sorted (``Chosen.order``)."""
    if plan.strategy is Strategy.ALL_AT_ONCE:
        return _all_at_once(members)
    return tuple(
        namespec
        for group in open_groups(plan, members)
        for namespec in _of_group(group, plan.max_unavailable)
    )


def open_groups(plan: Plan, members: Sequence[Member]) -> list[list[Member]]:
    """Return the groups, each whole, that are being worked on now."""
    left = [group for group in _groups(members) if not _is_done(group)]
    if not left:
        return []
    lowest = min(group[0].group_priority for group in left)
    equals = [group for group in left if group[0].group_priority == lowest]
    equals.sort(key=lambda group: not any(member.is_begun for member in group))
    return equals[: plan.max_groups]


def held_back_by(group: Sequence[Member], allowed: Allowance) -> tuple[Namespec, ...]:
    """Return the processes whose absence keeps a whole group waiting, none when it moves.

    A group moves while something in it is under way, for that ends by itself.
    """
    away = tuple(member.namespec for member in group if member.is_away)
    under_way = any(
        not member.is_settled and (member.is_begun or not member.may_stop) for member in group
    )
    return () if under_way or len(away) < allowed.of(len(group)) else away


def _groups(members: Iterable[Member]) -> list[list[Member]]:
    return [list(group) for _, group in groupby(members, key=attrgetter("namespec.group"))]


def _is_done(group: Sequence[Member]) -> bool:
    return all(member.is_settled for member in group)


def _of_group(group: Sequence[Member], allowed: Allowance) -> list[Namespec]:
    free = allowed.of(len(group)) - sum(member.is_away for member in group)
    lowest = min(member.process_priority for member in group if not member.is_settled)
    can = [m.namespec for m in group if m.may_stop and m.process_priority == lowest]
    return can[: max(0, free)]


def _all_at_once(members: Sequence[Member]) -> tuple[Namespec, ...]:
    waiting = [m for m in members if not m.is_settled and (m.may_stop or not m.is_begun)]
    if any(not member.may_stop for member in waiting):
        return ()
    return tuple(member.namespec for member in waiting)


def preview(plan: Plan, chosen: Sequence[Chosen]) -> tuple[tuple[Namespec, ...], ...]:
    """Return the batches that the rule makes when every process of a batch takes equally long.

    ``chosen`` are sorted (``Chosen.order``). Each is looked at once: to ask ``next_stops`` before
    each batch of 1000 processes would keep the listener's loop for a second.
    """
    if plan.strategy is Strategy.ALL_AT_ONCE:
        return (tuple(one.namespec for one in chosen),) if chosen else ()
    return tuple(
        batch
        for _, equals in groupby(chosen, key=attrgetter("group_priority"))
        for batch in _batches_of_equals(plan, equals)
    )


def _batches_of_equals(plan: Plan, equals: Iterable[Chosen]) -> Iterator[tuple[Namespec, ...]]:
    """Yield the batches of groups of one priority; when a group is done the next one begins."""
    groups = [list(group) for _, group in groupby(equals, key=attrgetter("namespec.group"))]
    coming = (deque(_slices(group, plan.max_unavailable.of(len(group)))) for group in groups)
    begun = list(islice(coming, plan.max_groups))
    while begun:
        yield tuple(namespec for slices in begun for namespec in slices.popleft())
        left = [slices for slices in begun if slices]
        begun = [*left, *islice(coming, plan.max_groups - len(left))]


def _slices(group: Sequence[Chosen], allowed: int) -> Iterator[list[Namespec]]:
    """Yield what is stopped together of a group: so many, and of one process priority."""
    for _, equals in groupby(group, key=attrgetter("process_priority")):
        left = [one.namespec for one in equals]
        for start in range(0, len(left), allowed):
            yield left[start : start + allowed]
