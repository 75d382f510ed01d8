"""How long a restart will take, from how long it took. No I/O here; durations are seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from supervisor_maint.maintenance.batches import preview
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.targets import Chosen
from supervisor_maint.processes import Namespec

# Five: enough that one slow night does not count, few enough that a change shows within a week.
REMEMBERED = 5
# What a process that was never seen to stop is taken to need for it.
STOP_SECONDS = 0.5


def process_seconds(durations: Sequence[float], start_seconds: float) -> float:
    """Estimate one process's downtime: the median of the last five, else startsecs and 0.5 s.

    ``durations`` are in the order of their runs, the newest last.
    """
    if durations:
        return median(durations[-REMEMBERED:])
    return start_seconds + STOP_SECONDS


def batch_seconds(
    plan: Plan, chosen: Sequence[Chosen], durations: Mapping[Namespec, Sequence[float]]
) -> tuple[float, ...]:
    """Estimate each batch of ``batches.preview``: as long as its slowest process."""
    expected = {
        one.namespec: process_seconds(durations.get(one.namespec, ()), one.start_seconds)
        for one in chosen
    }
    return tuple(max(expected[spec] for spec in batch) for batch in preview(plan, chosen))


def window_seconds(
    plan: Plan, chosen: Sequence[Chosen], durations: Mapping[Namespec, Sequence[float]]
) -> float:
    """Estimate from the first stop to the end of settling: what ``max_duration`` must hold."""
    return sum(batch_seconds(plan, chosen, durations)) + plan.settle_seconds
