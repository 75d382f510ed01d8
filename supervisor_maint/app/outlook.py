"""What is expected of a run, found out once its processes are chosen. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from supervisor_maint.app.past_runs import PastRuns
from supervisor_maint.maintenance import batches, estimates
from supervisor_maint.maintenance.plan import Plan
from supervisor_maint.maintenance.targets import Chosen
from supervisor_maint.processes import Namespec


@attrs.frozen(kw_only=True)
class Outlook:
    """The number of each process's batch, its expected downtime, and that of the whole run.

    In seconds; the run's are from its first stop to the end of settling.
    """

    batches: Mapping[Namespec, int]
    seconds: Mapping[Namespec, float]
    run_seconds: float

    @classmethod
    def of(cls, plan: Plan, chosen: Sequence[Chosen], past: PastRuns) -> Outlook:
        """Foresee a run. For 1000 processes this takes 10 ms of the loop."""
        foreseen = batches.preview(plan, chosen)
        seconds = {
            one.namespec: estimates.process_seconds(
                past.downtimes.get(one.namespec, ()), one.start_seconds
            )
            for one in chosen
        }
        slowest = sum(max(seconds[each] for each in batch) for batch in foreseen)
        return cls(
            batches={each: number for number, batch in enumerate(foreseen, 1) for each in batch},
            seconds=seconds,
            run_seconds=slowest + plan.settle_seconds,
        )
