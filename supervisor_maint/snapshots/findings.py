"""What was found when things had settled last, and what was learnt of it since. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs

from supervisor_maint.processes import Namespec, Snapshot
from supervisor_maint.snapshots.baseline import Baseline
from supervisor_maint.snapshots.configurations import Configurations
from supervisor_maint.snapshots.diff import (
    Difference,
    DiffKind,
    LearntExit,
    Report,
    describe_end,
    diff,
    has_ended_badly,
)
from supervisor_maint.snapshots.settling import Verdict

_KINDS_WITH_AN_END = frozenset({DiffKind.STATE, DiffKind.FLAPPING, DiffKind.EXIT_STATUS})


@attrs.define
class Findings:
    """The differences, the report and the snapshot they come from; a difference outlives us."""

    differences: tuple[Difference, ...] = ()
    report: Report | None = None
    snapshot: Snapshot | None = None
    flapping: frozenset[Namespec] = frozenset()
    _learnt: dict[Namespec, LearntExit] = attrs.field(factory=dict)

    @classmethod
    def restore(cls, differences: tuple[Difference, ...]) -> Findings:
        """Go on with the differences that were saved."""
        flapping = (each.namespec for each in differences if each.kind is DiffKind.FLAPPING)
        return cls(differences, flapping=frozenset(flapping))

    def see(self, snapshot: Snapshot) -> None:
        """Take a snapshot; how a process ended is forgotten once it is up again."""
        self.snapshot = snapshot
        self._learnt = {
            namespec: learnt
            for namespec, learnt in self._learnt.items()
            if namespec in snapshot.processes and has_ended_badly(snapshot[namespec])
        }

    def forget_end(self, namespec: Namespec) -> None:
        """Forget how a process ended: it is being started again."""
        self._learnt.pop(namespec, None)

    def compare(
        self, snapshot: Snapshot, baseline: Baseline, configurations: Configurations
    ) -> tuple[Difference, ...]:
        """Return what a snapshot shows that is not wanted."""
        return diff(
            baseline.wanted,
            snapshot,
            flapping=self.flapping,
            configurations=configurations,
            learnt_exits=self._learnt,
        )

    def conclude(
        self,
        verdict: Verdict,
        snapshot: Snapshot,
        moved: tuple[Namespec, ...],
        baseline: Baseline,
        configurations: Configurations,
    ) -> Report:
        """Make the report of a burst that is over with this snapshot."""
        self.flapping = verdict.flapping
        self.differences = self.compare(snapshot, baseline, configurations)
        self.report = Report(
            made_at=snapshot.taken_at,
            began_at=verdict.began_at,
            reason=verdict.reason,
            differences=self.differences,
            flapping=tuple(sorted(verdict.flapping)),
            moved=moved,
        )
        return self.report

    def replace(self, differences: tuple[Difference, ...]) -> None:
        """Show these differences from now on, in the last report too."""
        self.differences = differences
        if self.report is not None:
            self.report = attrs.evolve(self.report, differences=differences)

    def accept(self, namespecs: Collection[Namespec] | None) -> None:
        """Drop the differences of these processes, or all."""
        self.replace(
            tuple(
                each
                for each in self.differences
                if namespecs is not None and each.namespec not in namespecs
            )
        )

    def learn_exits(self, facts: Mapping[Namespec, LearntExit]) -> None:
        """Add to the differences how processes ended that are shown not to be up."""
        if self.snapshot is None:
            return
        shown = self.snapshot.processes
        for namespec, fact in facts.items():
            if namespec in shown and has_ended_badly(shown[namespec]):
                self._learnt[namespec] = fact
        self.replace(tuple(self._explained(each) for each in self.differences))

    def _explained(self, difference: Difference) -> Difference:
        learnt = self._learnt.get(difference.namespec)
        if learnt is None or self.snapshot is None or difference.kind not in _KINDS_WITH_AN_END:
            return difference
        detail = describe_end(self.snapshot[difference.namespec], learnt)
        return attrs.evolve(difference, detail=detail)

    def exit_statuses(self) -> dict[Namespec, int]:
        """Return the exit statuses learnt."""
        return {
            namespec: learnt.exit_status
            for namespec, learnt in self._learnt.items()
            if learnt.exit_status is not None
        }
