"""The pace of looks and reports."""

from __future__ import annotations

import math

import pytest

from supervisor_maint.app.pacing import Pace


@pytest.mark.parametrize(
    ("took", "allowed_after"), [(0.0, 0.25), (0.08, 0.25), (0.1, 0.3), (0.42, 1.26), (5.0, 15.0)]
)
def test_looks_are_spaced_by_what_they_take(took: float, allowed_after: float) -> None:
    """A look may follow after a quarter of a second, or three times the last one."""
    pace = Pace(push_interval_seconds=60)
    pace.looking(1000.0)
    pace.looked(1000.0, 1000.0 + took)

    assert pytest.approx(1000.0 + took + allowed_after) == pace.snapshot_allowed_at


def test_failure_is_retried_later() -> None:
    """A look that failed, or never ended, is tried again after 5 s."""
    pace = Pace(push_interval_seconds=60)
    pace.looking(1000.0)
    assert 1005.0 == pace.snapshot_allowed_at

    pace.failed(1003.0)
    assert 1008.0 == pace.snapshot_allowed_at


def test_reports_follow_the_interval() -> None:
    """The first report is due at once, the next after the interval or when it is asked for."""
    pace = Pace(push_interval_seconds=60)
    assert -math.inf == pace.report_due_at

    pace.reported(1000.0)
    assert 1060.0 == pace.report_due_at

    pace.report_now()
    assert -math.inf == pace.report_due_at


def test_clock_set_back() -> None:
    """What was planned on a clock that was then set back is not waited for."""
    pace = Pace(push_interval_seconds=60)
    pace.reported(10_000.0)
    pace.looked(9_999.0, 10_000.0)
    pace.follow_clock(1000.0)

    assert (1060.0, 1015.0) == (pace.report_due_at, pace.snapshot_allowed_at)
