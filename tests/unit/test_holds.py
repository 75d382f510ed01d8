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
    assert "nightly is held until 1970-01-01 00:01:40Z by ann: release" == holds.describe(NIGHTLY)
    assert "every plan is held until somebody resumes" == holds.describe(ALL)
