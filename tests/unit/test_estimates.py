"""How long it will take, from how long it took."""

from __future__ import annotations

import pytest

from supervisor_maint.maintenance import estimates
from supervisor_maint.maintenance.plan import Allowance, Plan
from supervisor_maint.maintenance.targets import Chosen
from supervisor_maint.processes import Namespec

A, B, C = (Namespec("web", name) for name in "abc")


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ([], 3.5),
        ([2.0], 2.0),
        ([2.0, 4.0], 3.0),
        ([1.0, 9.0, 2.0], 2.0),
        # only the newest five count
        ([90.0, 90.0, 90.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1.0),
    ],
)
def test_process_takes_the_median_of_its_last_five(durations: list[float], expected: float) -> None:
    """Without a past it is startsecs and half a second."""
    assert expected == estimates.process_seconds(durations, start_seconds=3.0)


def test_batch_takes_as_long_as_its_slowest() -> None:
    """Each batch is one wait, and the window is all of them and settling."""
    plan = Plan(name="p", max_unavailable=Allowance(2), settle_seconds=10)
    chosen = [Chosen(namespec=spec, pid=1, started_at=1.0, start_seconds=1.0) for spec in (A, B, C)]
    durations = {A: [4.0], B: [2.0]}

    assert (4.0, 1.5) == estimates.batch_seconds(plan, chosen, durations)
    assert 15.5 == estimates.window_seconds(plan, chosen, durations)
