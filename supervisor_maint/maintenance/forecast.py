"""What a plan would do with the processes there are: batches, times, and what is in its way.

No I/O here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import attrs

from supervisor_maint.maintenance import batches, blockers, estimates, readiness
from supervisor_maint.maintenance.plan import Plan, Strategy
from supervisor_maint.maintenance.targets import Pools, Selection, select
from supervisor_maint.processes import Namespec, ProcessConfig, Snapshot


@attrs.frozen(kw_only=True)
class Obstacle:
    """Something about a plan that is not as it was probably meant; sentences for people.

    ``prevents``: no run would restart anything.
    """

    message: str
    what_to_do: str
    prevents: bool = False


@attrs.frozen(kw_only=True)
class Forecast:
    """What a plan would do; ``batch_seconds`` are estimates, one for each batch.

    ``window_seconds`` is from the first stop to the end of settling.
    """

    plan: Plan
    selection: Selection
    batches: tuple[tuple[Namespec, ...], ...]
    batch_seconds: tuple[float, ...]
    window_seconds: float

    def obstacles(self) -> Iterator[Obstacle]:
        """Yield everything that should be looked at before the night."""
        yield from self._unmatched()
        yield from self._unknown_groups()
        yield from self._too_long()
        yield from self._whole_groups()
        yield from self._not_ready()

    def _unmatched(self) -> Iterator[Obstacle]:
        for word in self.selection.unmatched:
            yield Obstacle(
                message=f"programs: {word!r} means no process",
                what_to_do="write names, group:name, group:* or globs of what there is",
            )
        for word in self.selection.unmatched_excludes:
            yield Obstacle(
                message=f"exclude: {word!r} means no process",
                what_to_do="correct it: what it was to spare would be restarted",
            )
        if not self.selection.chosen:
            yield Obstacle(
                message="it would restart no process",
                what_to_do="correct programs and exclude",
            )

    def _unknown_groups(self) -> Iterator[Obstacle]:
        if self.selection.unknown_groups:
            yield Obstacle(
                message=blockers.unknown_groups(self.selection.unknown_groups),
                what_to_do="do either, else every run is skipped",
                prevents=True,
            )

    def _too_long(self) -> Iterator[Obstacle]:
        if self.window_seconds > self.plan.max_duration_seconds:
            yield Obstacle(
                message=f"it would take about {self.window_seconds:.0f} s, longer than "
                f"max_duration ({self.plan.max_duration_seconds:g} s)",
                what_to_do="raise max_duration, max_unavailable or max_groups",
            )

    def _whole_groups(self) -> Iterator[Obstacle]:
        """Yield the groups of several processes of which none would be left to serve."""
        if self.plan.strategy is Strategy.ALL_AT_ONCE:
            return
        allowed = self.plan.max_unavailable
        members = Counter(one.namespec.group for one in self.selection.chosen)
        whole = [group for group, size in members.items() if 1 < size <= allowed.of(size)]
        if whole:
            yield Obstacle(
                message=f"max_unavailable = {allowed} takes every process of "
                f"{', '.join(whole)} away at once",
                what_to_do="lower it, or say strategy = all-at-once",
            )

    def _not_ready(self) -> Iterator[Obstacle]:
        chosen = [one.namespec for one in self.selection.chosen]
        for message in readiness.problems(self.plan.readiness, chosen):
            yield Obstacle(
                message=message,
                what_to_do="have the check's programs name processes that it can be filled for, "
                "else every run is skipped",
                prevents=True,
            )


def forecast(
    plan: Plan,
    snapshot: Snapshot,
    configs: Mapping[Namespec, ProcessConfig],
    pools: Pools,
    durations: Mapping[Namespec, Sequence[float]],
) -> Forecast:
    """Choose as a run would; ``durations`` are those of past runs in seconds, the newest last."""
    selection = select(plan, snapshot, configs, pools)
    return Forecast(
        plan=plan,
        selection=selection,
        batches=batches.preview(plan, selection.chosen),
        batch_seconds=estimates.batch_seconds(plan, selection.chosen, durations),
        window_seconds=estimates.window_seconds(plan, selection.chosen, durations),
    )
