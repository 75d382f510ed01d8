"""Whether a run is due: once for each scheduled time, whatever happened meanwhile."""

from __future__ import annotations

from typing import Any

import pytest

from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.schedule import Schedule
from supervisor_maint.maintenance.windows import Due, Missed, NotYet, dealt_with_by_hand, due
from supervisor_maint.store.records import LastRun

DAY = 86400.0
T = 19_800 * DAY + 3 * 3600  # some day, 03:00 UTC
PLAN = Plan(name="nightly", schedule=Schedule.parse("0 3 * * *", "UTC"), start_within_seconds=300)


def _last(**changes: Any) -> LastRun:
    settings = {"plan": "nightly", "ended_at": T - DAY + 60, "outcome": "succeeded"}
    return LastRun(**{**settings, **changes})


NEXT_YEAR = _last(scheduled_at=T + 365 * DAY, ended_at=T + 365 * DAY + 60)


@pytest.mark.parametrize(
    ("name", "last", "known_since", "now", "expected"),
    [
        ("before it", None, 0.0, T - 1, Missed),
        ("yesterday's was run", _last(scheduled_at=T - DAY), 0.0, T - 1, NotYet(T)),
        ("at the second", _last(scheduled_at=T - DAY), 0.0, T, Due(T, T + 300)),
        ("within start_within", _last(scheduled_at=T - DAY), 0.0, T + 300, Due(T, T + 300)),
        ("too late", _last(scheduled_at=T - DAY), 0.0, T + 301, Missed),
        ("it was run", _last(scheduled_at=T), 0.0, T + 20, NotYet(T + DAY)),
        ("it was skipped", _last(scheduled_at=T, outcome="skipped"), 0.0, T + 20, NotYet(T + DAY)),
        ("clock set back", _last(scheduled_at=T), 0.0, T - 3600, NotYet(T + DAY)),
        ("clock set back two days", _last(scheduled_at=T), 0.0, T - 2 * DAY, NotYet(T + DAY)),
        ("plan is new", None, T - 60, T - 1, NotYet(T)),
        ("plan is new, its time comes", None, T - 60, T + 1, Due(T, T + 300)),
        ("plan was added after its time", None, T + 10, T + 20, NotYet(T + DAY)),
        (
            "run by hand just before",
            _last(scheduled_at=T - DAY, is_manual=True, ended_at=T - 299),
            0.0,
            T + 1,
            NotYet(T + DAY),
        ),
        (
            "run by hand too long before",
            _last(scheduled_at=T - DAY, is_manual=True, ended_at=T - 300),
            0.0,
            T + 1,
            Due(T, T + 300),
        ),
        (
            "by hand, but skipped",
            _last(scheduled_at=T - DAY, is_manual=True, ended_at=T - 10, outcome="skipped"),
            0.0,
            T + 1,
            Due(T, T + 300),
        ),
        (
            "a scheduled run that ended late counts once",
            _last(scheduled_at=T - DAY, ended_at=T - 10),
            0.0,
            T + 1,
            Due(T, T + 300),
        ),
        ("clock set back a year, at noon", NEXT_YEAR, 0.0, T + DAY / 2, NotYet(T + DAY)),
        ("clock set back a year, in time", NEXT_YEAR, 0.0, T + 300, Due(T, T + 300)),
        ("clock set back a year, too late", NEXT_YEAR, 0.0, T + 301, NotYet(T + DAY)),
    ],
)
def test_due(
    name: str, last: LastRun | None, known_since: float, now: float, expected: Any
) -> None:
    """What the schedule asks for, at one moment."""
    found = due(PLAN, last, known_since, now)

    if isinstance(expected, type):
        assert isinstance(found, expected), name
    else:
        assert expected == found, name


@pytest.mark.parametrize(
    ("ended_at", "expected"),
    [(T - 300, T - DAY), (T - 299, T), (T + 60, T), (T + DAY - 301, T), (T + DAY - 300, T)],
)
def test_run_by_hand_deals_with_a_time(ended_at: float, expected: float) -> None:
    """With the one before its end, and with one that comes sooner than start_within after it."""
    assert expected == dealt_with_by_hand(PLAN, ended_at)


def test_run_by_hand_of_a_plan_without_schedule_deals_with_nothing() -> None:
    """There is no scheduled time."""
    assert None is dealt_with_by_hand(Plan(name="by-hand"), T)


def test_missed_says_by_how_much() -> None:
    """A missed time is told with the limit and the delay, for the history."""
    found = due(PLAN, _last(scheduled_at=T - DAY), 0.0, T + 3600)

    assert isinstance(found, Missed)
    assert T == found.scheduled_at
    assert "start_within (300 s)" in found.reason
    assert "3600 s after" in found.reason


def test_plan_without_schedule_is_never_due() -> None:
    """It runs when somebody asks for it."""
    assert NotYet(None) == due(Plan(name="by-hand"), None, 0.0, T)


def test_each_time_is_run_once_however_often_the_listener_restarts() -> None:
    """Asked every few seconds, with only the last run remembered, each day has one run."""
    last = _last(scheduled_at=T - DAY)
    runs = []
    now = T - 600.0
    while now < T + 3 * DAY:
        found = due(PLAN, last, 0.0, now)
        if isinstance(found, Due):
            runs.append(found.scheduled_at)
            last = _last(scheduled_at=found.scheduled_at, ended_at=now + 40)
        now += 97.0

    assert [T, T + DAY, T + 2 * DAY] == runs
