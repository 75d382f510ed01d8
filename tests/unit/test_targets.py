"""Which processes are restarted, in which order, and why the rest is not."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor_maint.maintenance import patterns
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.targets import LeftAlone, Pools, select
from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
    Supervisord,
)

S = ProcessState
POOLS = Pools(pools=frozenset({"memmon"}), programs=frozenset({"web", "db"}), own_group="maint")


def _snapshot(**states: ProcessState) -> Snapshot:
    """Make a snapshot; ``web__a`` stands for web:a."""
    statuses = [
        ProcessStatus(
            namespec=Namespec(*(name.split("__") * 2)[:2]),
            state=state,
            pid=7 if state.is_up else None,
            started_at=50.0,
        )
        for name, state in states.items()
    ]
    return Snapshot(
        taken_at=100.0, supervisord=Supervisord(pid=1, started_at=1.0), processes=statuses
    )


def _config(namespec: Namespec, group: int, process: int) -> ProcessConfig:
    return ProcessConfig(
        namespec=namespec,
        group_priority=group,
        process_priority=process,
        autostart=True,
        start_seconds=3.0,
        stop_wait_seconds=20.0,
    )


def _names(plan: Plan, snapshot: Snapshot, **settings: Any) -> list[str]:
    selection = select(plan, snapshot, settings.get("configs", {}), settings.get("pools", POOLS))
    return [str(chosen.namespec) for chosen in selection.chosen]


@pytest.mark.parametrize(
    ("pattern", "namespec", "expected"),
    [
        ("*", "web:a", True),
        ("web", "web:a", True),
        ("a", "web:a", True),
        ("web:a", "web:a", True),
        ("web:*", "web:a", True),
        ("web:", "web:a", True),
        ("web:b*", "web:a", False),
        ("we?", "web:a", True),
        ("[vw]eb:a", "web:a", True),
        ("WEB", "web:a", False),
        ("db", "web:a", False),
        ("*:a", "web:a", True),
        ("db", "db", True),
        ("db:db", "db", True),
    ],
)
def test_pattern(pattern: str, namespec: str, expected: bool) -> None:
    """Names, groups and globs, part by part."""
    assert expected is patterns.matches(pattern, Namespec.parse(namespec))


def test_only_what_runs_is_chosen() -> None:
    """RUNNING and STARTING are targets; everything else stays as it was, with its reason."""
    states = {f"web__{state.name.lower()}": state for state in ProcessState}
    selection = select(Plan(name="p"), _snapshot(**states), {}, POOLS)

    assert ["web:running", "web:starting"] == [str(one.namespec) for one in selection.chosen]
    reasons = {one.namespec.name: one.reason for one in selection.left_alone}
    assert "it was broken before: BACKOFF" == reasons["backoff"]
    assert "it was STOPPED before" == reasons["stopped"]
    assert "it was FATAL before" == reasons["fatal"]


def test_pools_and_own_group_are_never_chosen() -> None:
    """Not even when they are named."""
    snapshot = _snapshot(web__a=S.RUNNING, memmon=S.RUNNING, maint__maint=S.RUNNING)
    plan = Plan(name="p", programs=("*", "memmon", "maint:maint"))
    selection = select(plan, snapshot, {}, POOLS)

    assert ["web:a"] == [str(one.namespec) for one in selection.chosen]
    assert {
        LeftAlone(Namespec("memmon", "memmon"), "it is an event listener"),
        LeftAlone(Namespec("maint", "maint"), "it belongs to this listener's own group"),
    } == set(selection.left_alone)
    assert () == selection.unknown_groups


def test_unknown_group_is_told() -> None:
    """A group of which nobody knows what it is may be a pool."""
    snapshot = _snapshot(web__a=S.RUNNING, new__n=S.RUNNING, old__o=S.STOPPED)
    selection = select(Plan(name="p"), snapshot, {}, POOLS)

    assert ("new",) == selection.unknown_groups


def test_exclusion_wins_and_is_told() -> None:
    """What is excluded is left alone, with the pattern that says so."""
    snapshot = _snapshot(web__a=S.RUNNING, db__db=S.RUNNING)
    selection = select(Plan(name="p", exclude=("x", "d*")), snapshot, {}, POOLS)

    assert (LeftAlone(Namespec("db", "db"), "excluded by 'd*'"),) == selection.left_alone


def test_names_that_mean_nothing_are_told() -> None:
    """A word in programs or exclude that matches no process is probably a mistake."""
    plan = Plan(name="p", programs=("web", "wbe"), exclude=("b", "web:a"))
    selection = select(plan, _snapshot(web__a=S.RUNNING), {}, POOLS)

    assert (("wbe",), ("b",)) == (selection.unmatched, selection.unmatched_excludes)


def test_order_is_group_priority_then_process_priority() -> None:
    """The order is Supervisor's own; what has no configuration has its default priority."""
    snapshot = _snapshot(web__a=S.RUNNING, web__b=S.RUNNING, db__db=S.RUNNING, web__c=S.RUNNING)
    configs = {
        spec: _config(spec, group, process)
        for spec, group, process in [
            (Namespec("web", "a"), 20, 5),
            (Namespec("web", "b"), 20, 1),
            (Namespec("db", "db"), 1, 999),
            (Namespec("web", "c"), 20, 1),
        ]
    }

    assert ["db", "web:b", "web:c", "web:a"] == _names(Plan(name="p"), snapshot, configs=configs)
    assert ["db", "web:a", "web:b", "web:c"] == _names(Plan(name="p"), snapshot)


def test_configuration_comes_along() -> None:
    """The times a process needs are taken from its configuration, else Supervisor's defaults."""
    snapshot = _snapshot(web__a=S.RUNNING, db__db=S.RUNNING)
    spec = Namespec("web", "a")
    by_name = {
        one.namespec: one
        for one in select(Plan(name="p"), snapshot, {spec: _config(spec, 1, 1)}, POOLS).chosen
    }
    web, db = by_name[spec], by_name[Namespec("db", "db")]

    assert (3.0, 20.0) == (web.start_seconds, web.stop_wait_seconds)
    assert (1.0, 10.0) == (db.start_seconds, db.stop_wait_seconds)
