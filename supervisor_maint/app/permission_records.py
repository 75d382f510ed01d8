"""What is remembered of each permission rule, for the metrics and for people. No I/O here.

It is saved with the listener's own counters. A rule that has gone is remembered: its counters
must not begin anew when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from supervisor_maint.monitoring.facts import PATH_RESULTS, PermissionFacts
from supervisor_maint.permissions.endings import Pass
from supervisor_maint.permissions.report import PathResult, Result, RuleResult

# What is mended at so many passes on end is undone by somebody in between. Two may be a deploy
# and the rotation of the same night.
CHURN_PASSES = 3
# Enough to name; a rule whose every path comes undone is told from the first of them.
STREAKS_KEPT = 100


def _no_counts() -> dict[str, int]:
    return dict.fromkeys(PATH_RESULTS, 0)


@attrs.define(kw_only=True)
class RuleRecord:
    """How a rule went so far. ``counts`` are those of the last pass, ``totals`` of all.

    ``failure`` is the first path that the last pass could not mend, with the reason.
    ``streaks`` tells of each path that the last pass mended at how many passes on end it was.
    A pass lists so many paths and no more: ``digest_streak`` is at how many passes on end
    exactly the same paths were mended, whichever they were.
    """

    totals: dict[str, int] = attrs.field(factory=_no_counts)
    counts: dict[str, int] = attrs.field(factory=_no_counts)
    last_run_at: float | None = None
    problem: str | None = None
    failure: str | None = None
    streaks: dict[str, int] = attrs.field(factory=dict)
    digest: str = ""
    digest_streak: int = 0

    @property
    def churning(self) -> tuple[str, ...]:
        """The paths, of those that are listed, that were mended at each of the last passes."""
        return tuple(path for path, count in self.streaks.items() if count >= CHURN_PASSES)

    @property
    def is_churning(self) -> bool:
        """Tell whether the last passes mended the same paths each."""
        return bool(self.churning) or self.digest_streak >= CHURN_PASSES

    @property
    def has_trouble(self) -> bool:
        """Tell whether the last pass could not do all that the rule asks for."""
        return self.problem is not None or self.counts["failed"] > 0

    def note(self, found: RuleResult, listed: Sequence[PathResult], at: float) -> None:
        """Take what a pass found; ``listed`` are the rule's paths that its report lists."""
        self.counts = {result: getattr(found, result) for result in PATH_RESULTS}
        self.totals = {result: self.totals[result] + count for result, count in self.counts.items()}
        self.problem = found.problem
        self.last_run_at = at
        self.failure = _first_failure(listed)
        mended = [each.path for each in listed if each.result is Result.FIXED]
        self.streaks = {path: self.streaks.get(path, 0) + 1 for path in mended[:STREAKS_KEPT]}
        is_same = found.fixed > 0 and found.fixed_digest == self.digest
        self.digest_streak = self.digest_streak + 1 if is_same else min(found.fixed, 1)
        self.digest = found.fixed_digest


@attrs.define
class PermissionRecords:
    """The record of every rule there ever was, and when the last pass was made.

    ``problem`` says why the last pass made no report, None when it did.
    """

    rules: dict[str, RuleRecord] = attrs.field(factory=dict)
    started_at: float | None = None
    ended_at: float | None = None
    problem: str | None = None

    def rule(self, name: str) -> RuleRecord:
        """Return the record of a rule; a new one begins at 0."""
        return self.rules.setdefault(name, RuleRecord())

    def note(self, made: Pass) -> None:
        """Take a pass that has ended. One without a report changes nothing of the rules."""
        self.started_at, self.ended_at = made.started_at, made.ended_at
        self.problem = made.problem
        if made.report is None:
            return
        for found in made.report.rules:
            listed = [each for each in made.report.paths if each.rule == found.rule]
            self.rule(found.rule).note(found, listed, made.report.ended_at)

    def facts(self, names: tuple[str, ...]) -> tuple[PermissionFacts, ...]:
        """Return what the metrics show of these rules."""
        return tuple(self._facts(name, self.rule(name)) for name in names)

    def _facts(self, name: str, record: RuleRecord) -> PermissionFacts:
        return PermissionFacts(
            rule=name,
            paths=dict(record.totals),
            last_run_at=record.last_run_at,
            has_problem=self.problem is not None or record.has_trouble,
            is_churning=record.is_churning,
        )

    def sentences(self, names: tuple[str, ...]) -> Iterator[str]:
        """Say for people what is wrong with the last pass, and with these rules."""
        if self.problem is not None:
            yield f"the last pass made no report: {self.problem}"
        for name in names:
            yield from _rule_sentences(name, self.rule(name))

    def to_document(self) -> dict[str, Any]:
        """Return what ``restore`` reads, JSON-able."""
        return attrs.asdict(self)

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> PermissionRecords:
        """Read what ``to_document`` wrote. Raises TypeError or ValueError for nonsense."""
        rules = {
            name: RuleRecord(
                **{
                    **record,
                    "totals": {**_no_counts(), **record["totals"]},
                    "counts": {**_no_counts(), **record["counts"]},
                }
            )
            for name, record in document.get("rules", {}).items()
        }
        return cls(**{**document, "rules": rules})


def _first_failure(listed: Sequence[PathResult]) -> str | None:
    failures = (each for each in listed if each.result is Result.FAILED)
    return next((f"{each.path}: {each.reason}" for each in failures), None)


def _rule_sentences(name: str, record: RuleRecord) -> Iterator[str]:
    if record.problem is not None:
        yield f"{name}: {record.problem}"
    if record.counts["failed"]:
        first = f", first {record.failure}" if record.failure else ""
        yield f"{name}: {paths(record.counts['failed'])} could not be mended{first}"
    if record.is_churning:
        yield (
            f"{name}: {_churning(record)} mended at each of the last {CHURN_PASSES} passes: "
            "something undoes it in between"
        )


def _churning(record: RuleRecord) -> str:
    if not record.churning:
        return f"the same {paths(record.counts['fixed'])}"
    first, *others = record.churning
    return f"{first} and {len(others)} more" if others else first


def paths(count: int) -> str:
    """Count paths in words."""
    return "1 path" if count == 1 else f"{count} paths"
