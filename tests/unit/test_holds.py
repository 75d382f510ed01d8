"""Holds: who holds what, until when."""

from __future__ import annotations

import pytest

from supervisor_maint.maintenance import holds
from supervisor_maint.store.records import Hold

NIGHTLY = Hold(plan="nightly", since_at=0.0, until_at=100.0, reason="release", asked_by="ann")
ALL = Hold(since_at=0.0)


@pytest.mark.parametrize(
    ("held", "plan", "now", "expected"),
    [
        ([], "nightly", 50.0, None),
        ([NIGHTLY], "nightly", 50.0, NIGHTLY),
        ([NIGHTLY], "weekly", 50.0, None),
        ([NIGHTLY], "nightly", 100.0, None),
        ([ALL], "weekly", 1e12, ALL),
        ([NIGHTLY, ALL], "nightly", 150.0, ALL),
    ],
)
def test_find(held: list[Hold], plan: str, now: float, expected: Hold | None) -> None:
    """A hold counts for its plan, or for every plan, until its end."""
    assert expected == holds.find(held, plan, now)


def test_lapsed_and_latest_end() -> None:
    """What is over can be forgotten; what has no end lasts for ever."""
    assert (NIGHTLY,) == holds.lapsed([NIGHTLY, ALL], 100.0)
    assert 100.0 == holds.latest_end([NIGHTLY], 50.0)
    assert float("inf") == holds.latest_end([NIGHTLY, ALL], 50.0)
    assert None is holds.latest_end([NIGHTLY], 100.0)


def test_describe() -> None:
    """A hold is one sentence with its end in UTC."""
    assert "nightly is held until 1970-01-01 00:01:40 UTC by ann: release" == holds.describe(
        NIGHTLY
    )
    assert "every plan is held until somebody resumes" == holds.describe(ALL)


@pytest.mark.parametrize(
    ("reason", "until_at", "expected"),
    [
        ("disk", None, ""),
        ("disk", 101.0, ""),
        ("disk", 100.0, "to come"),
        ("disk", 1e300, "within ten years"),
        ("disk", float("nan"), "within ten years"),
        ("disk", "tomorrow", "seconds since the epoch"),
        ("disk", True, "seconds since the epoch"),
        ("x" * 1001, None, "at most 1000 characters"),
        (7, None, "at most 1000 characters"),
    ],
)
def test_what_cannot_be_held_is_refused(reason: object, until_at: object, expected: str) -> None:
    """A hold has an end that can be told, or none, and a reason that fits into a line."""
    found = holds.refusal(reason, until_at, 100.0)

    assert bool(expected) == bool(found)
    assert expected in found
