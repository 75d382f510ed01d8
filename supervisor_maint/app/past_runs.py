"""What processes took in past runs, as the history keeps it of each. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import attrs

from supervisor_maint.maintenance import estimates, summary
from supervisor_maint.maintenance.run import Run
from supervisor_maint.maintenance.target import Target
from supervisor_maint.processes import Namespec

# Runs of other plans, and those that were skipped, are among them.
LOOKED_AT = 2 * estimates.REMEMBERED

_DOWNTIME, _START = "downtime_seconds", "start_seconds"

Durations = Mapping[Namespec, Sequence[float]]


@attrs.frozen
class PastRuns:
    """How long each process was away, and took to be ready, in seconds, the newest run last."""

    downtimes: Durations = attrs.field(factory=dict)
    starts: Durations = attrs.field(factory=dict)

    @classmethod
    def of(cls, documents: Iterable[Mapping[str, Any]]) -> PastRuns:
        """Read what the history kept, the newest first."""
        kept = list(documents)[::-1]
        return cls(_collected(kept, _DOWNTIME), _collected(kept, _START))

    def typical_start_seconds(self, namespec: Namespec) -> float | None:
        """Return the median of what a process took from its start until it was ready."""
        known = self.starts.get(namespec, ())
        return median(known[-estimates.REMEMBERED :]) if known else None


def durations(run: Run) -> dict[str, dict[str, float]]:
    """Return what the history is to keep of a run for ``PastRuns``."""
    starts = {target.namespec: start_seconds(target) for target in run.targets or ()}
    return {
        _DOWNTIME: {name.qualified: seconds for name, seconds in downtimes(run).items()},
        _START: {
            name.qualified: seconds for name, seconds in starts.items() if seconds is not None
        },
    }


def downtimes(run: Run) -> dict[Namespec, float]:
    """Return how long each process of a run was away, in seconds; only of those back."""
    found = {target.namespec: summary.downtime_seconds(target) for target in run.targets or ()}
    return {namespec: seconds for namespec, seconds in found.items() if seconds is not None}


def memory_given_back(
    run: Run, before: Mapping[Namespec, int], after: Mapping[Namespec, int]
) -> dict[Namespec, int]:
    """Return by how many bytes each restarted process of a run is smaller than ``before``.

    Less than 0 for one that is larger; only of those whose memory is known at both times.
    """
    return {
        namespec: before[namespec] - after[namespec]
        for namespec in downtimes(run)
        if namespec in before and namespec in after
    }


def start_seconds(target: Target) -> float | None:
    """Return how long a process took from being started until it was ready; None if not ours."""
    if target.start is None or target.back_at is None:
        return None
    return max(0.0, target.back_at - target.start.first_asked_at)


def _collected(documents: Sequence[Mapping[str, Any]], key: str) -> Durations:
    found: dict[Namespec, list[float]] = {}
    for document in documents:
        for name, seconds in document.get(key, {}).items():
            found.setdefault(Namespec.parse(name), []).append(seconds)
    return found
