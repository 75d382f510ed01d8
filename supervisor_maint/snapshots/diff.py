"""What is not as it is wanted. Pure.

A new pid and a new uptime are what a restart is: no difference.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping
from operator import attrgetter
from typing import Any, Protocol

import attrs

from supervisor_maint.processes import (
    Namespec,
    ProcessConfig,
    ProcessState,
    ProcessStatus,
    Snapshot,
)
from supervisor_maint.snapshots.baseline import FLAPPING, Wanted
from supervisor_maint.snapshots.configurations import Configurations, changed_keys
from supervisor_maint.snapshots.settling import Reason

# spawnerr of a process that exited against expectation only says its exit status again
_SAME_AS_STATUS = "Bad exit code"

READ_NOT_APPLIED = "read, not applied"

_ENDED_BADLY = frozenset(
    {ProcessState.EXITED, ProcessState.BACKOFF, ProcessState.FATAL, ProcessState.UNKNOWN}
)


class DiffKind(str, enum.Enum):
    """What kind of difference it is; the last three are found by a planned run only."""

    MISSING = "missing"
    ADDED = "added"
    STATE = "state"
    FLAPPING = "flapping"
    EXIT_STATUS = "exit_status"
    CONFIG = "config"
    NOT_RESTARTED = "not_restarted"
    SLOWER = "slower"
    MEMORY = "memory"


# No later look can find these again: they last until the next run.
RUN_KINDS = frozenset({DiffKind.NOT_RESTARTED, DiffKind.SLOWER, DiffKind.MEMORY})


class LearntExit(Protocol):
    """How a process last ended, as supervisord's log tells it."""

    @property
    def exit_status(self) -> int | None:
        """The status it exited with."""
        ...

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended it."""
        ...


@attrs.frozen(kw_only=True)
class Difference:
    """One thing about one process that is not as wanted, in words for people."""

    namespec: Namespec
    kind: DiffKind
    expected: str
    found: str
    detail: str = ""

    def to_document(self) -> dict[str, Any]:
        """Return it JSON-able."""
        return {
            "process": self.namespec.qualified,
            "kind": self.kind.value,
            "expected": self.expected,
            "found": self.found,
            "detail": self.detail,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Difference:
        """Read what ``to_document`` wrote."""
        return cls(
            namespec=Namespec.parse(document["process"]),
            kind=DiffKind(document["kind"]),
            expected=document["expected"],
            found=document["found"],
            detail=document["detail"],
        )

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.namespec}: {self.kind.value}: {self.expected} -> {self.found}{detail}"


@attrs.frozen(kw_only=True)
class Report:
    """What a burst came to, once things have settled.

    ``began_at`` and ``made_at`` are the burst's first event and the snapshot that ended it;
    ``flapping`` still moved then; ``moved`` is what the baseline took over.
    """

    made_at: float
    began_at: float
    reason: Reason
    differences: tuple[Difference, ...] = ()
    flapping: tuple[Namespec, ...] = ()
    moved: tuple[Namespec, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """Return it JSON-able."""
        return {
            "made_at": self.made_at,
            "began_at": self.began_at,
            "reason": self.reason.value,
            "differences": [difference.to_document() for difference in self.differences],
            "flapping": [namespec.qualified for namespec in self.flapping],
            "moved": [namespec.qualified for namespec in self.moved],
        }


@attrs.frozen(kw_only=True)
class _Comparison:
    """The differences of one process; ``status`` is of the present."""

    wanted: Wanted
    status: ProcessStatus
    flapping: bool
    learnt: LearntExit | None

    def differences(self) -> Iterator[Difference]:
        found = FLAPPING if self.flapping else self.status.state.name
        if found == self.wanted.accepted:
            return
        if self.flapping:
            yield self._difference(DiffKind.FLAPPING, self._wanted_word, self.status.state.name)
        elif found != self.wanted.state.name:
            yield self._difference(DiffKind.STATE, self._wanted_word, found)
        elif self._has_other_exit_status:
            status = self.status.exit_status
            yield self._difference(
                DiffKind.EXIT_STATUS,
                str(self.wanted.exit_status),
                "unknown" if status is None else str(status),
            )

    @property
    def _wanted_word(self) -> str:
        return self.wanted.accepted or self.wanted.state.name

    @property
    def _has_other_exit_status(self) -> bool:
        status, wanted = self.status, self.wanted.exit_status
        if status.state is not ProcessState.EXITED or wanted is None:
            return False
        if status.exit_status is None:  # a signal ended it: supervisord calls that a bad exit code
            return bool(status.spawn_error)
        return status.exit_status != wanted

    def _difference(self, kind: DiffKind, expected: str, found: str) -> Difference:
        return Difference(
            namespec=self.status.namespec,
            kind=kind,
            expected=expected,
            found=found,
            detail=describe_end(self.status, self.learnt),
        )


def has_ended_badly(status: ProcessStatus) -> bool:
    """Tell whether it is worth knowing how the process ended: it is not up, and not stopped."""
    return status.state in _ENDED_BADLY


def describe_end(status: ProcessStatus, learnt: LearntExit | None) -> str:
    """Say how a process ended that is not up, with supervisord's own words after it."""
    if not has_ended_badly(status):
        return ""
    words = [_how_it_ended(status, learnt)]
    if status.spawn_error and not status.spawn_error.startswith(_SAME_AS_STATUS):
        words.append(status.spawn_error)
    return "; ".join(words)


def _how_it_ended(status: ProcessStatus, learnt: LearntExit | None) -> str:
    known = status.exit_status
    if known is None and learnt is not None:
        if learnt.signal is not None:
            return f"terminated by {learnt.signal}"
        known = learnt.exit_status
    return "exit status " + ("unknown" if known is None else str(known))


def diff(
    baseline: Mapping[Namespec, Wanted],
    snapshot: Snapshot,
    *,
    flapping: Collection[Namespec] = (),
    configurations: Configurations | None = None,
    learnt_exits: Mapping[Namespec, LearntExit] | None = None,
) -> tuple[Difference, ...]:
    """Compare the present with what is wanted; the differences are in the order of names."""
    configurations = configurations or Configurations()
    learnt_exits = learnt_exits or {}
    differences: list[Difference] = []
    for namespec in {*baseline, *snapshot.processes}:
        wanted, status = baseline.get(namespec), snapshot.processes.get(namespec)
        if wanted is None or status is None:
            differences.append(_presence(namespec, wanted, status))
            continue
        comparison = _Comparison(
            wanted=wanted,
            status=status,
            flapping=namespec in flapping,
            learnt=learnt_exits.get(namespec),
        )
        differences.extend(comparison.differences())
        differences.extend(_config_differences(namespec, wanted.config, configurations))
    return tuple(sorted(differences, key=attrgetter("namespec")))  # few: most are as wanted


def _presence(
    namespec: Namespec, wanted: Wanted | None, status: ProcessStatus | None
) -> Difference:
    return Difference(
        namespec=namespec,
        kind=DiffKind.ADDED if wanted is None else DiffKind.MISSING,
        expected="absent" if wanted is None else wanted.state.name,
        found="absent" if status is None else status.state.name,
    )


def _config_differences(
    namespec: Namespec, wanted: ProcessConfig | None, configurations: Configurations
) -> Iterator[Difference]:
    newest = configurations.read.get(namespec) or configurations.running.get(namespec)
    if wanted is None or newest is None or newest is wanted:
        return
    keys = changed_keys(wanted, newest)
    if keys:
        yield Difference(
            namespec=namespec,
            kind=DiffKind.CONFIG,
            expected="unchanged",
            found="changed: " + ", ".join(keys),
            detail=READ_NOT_APPLIED if namespec in configurations.read else "",
        )
