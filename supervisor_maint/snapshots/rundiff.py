"""What a planned restart changed, beside what is not as wanted. Pure.

A run has its own ``before`` instead of the baseline, and three kinds of its own: a process that
was not restarted, one that takes longer to be ready than it used to, one that has grown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import attrs

from supervisor_maint.processes import Namespec, Snapshot
from supervisor_maint.snapshots.baseline import as_found
from supervisor_maint.snapshots.diff import Difference, DiffKind, LearntExit, diff


def _above_one(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not value > 1:
        raise ValueError(f"{attribute.name} must be above 1, not {value!r}")


@attrs.frozen(kw_only=True)
class Tolerance:
    """What is no difference: up to so many times what it was, or so little more of it.

    A start is timed to a fraction of a second, and a fresh process is still filling its memory:
    the least differences keep noise out.
    """

    slower_ratio: float = attrs.field(default=1.5, validator=_above_one)
    slower_least_seconds: float = 1.0
    memory_ratio: float = attrs.field(default=1.5, validator=_above_one)
    memory_least_bytes: int = 50 * 1024 * 1024


@attrs.frozen(kw_only=True)
class Measured:
    """What a run measured of one process, None for what it did not.

    ``start_seconds`` is from the start to RUNNING or ready, ``typical_seconds`` the median of
    past runs; resident memory in bytes, with children.
    """

    start_seconds: float | None = None
    typical_seconds: float | None = None
    resident_before: int | None = None
    resident_after: int | None = None


def run_diff(
    before: Snapshot,
    after: Snapshot,
    *,
    restarted: Collection[Namespec],
    measured: Mapping[Namespec, Measured] | None = None,
    tolerance: Tolerance | None = None,
    learnt_exits: Mapping[Namespec, LearntExit] | None = None,
) -> tuple[Difference, ...]:
    """Compare the end of a run with its beginning, by name and then by kind.

    ``restarted`` are the processes that the run was to restart.
    """
    wanted = {status.namespec: as_found(status) for status in before.processes.values()}
    differences = list(diff(wanted, after, learnt_exits=learnt_exits))
    differences += _not_restarted(before, after, restarted)
    for namespec, each in (measured or {}).items():
        differences += _beyond(namespec, each, tolerance or Tolerance())
    kinds = list(DiffKind)
    return tuple(sorted(differences, key=lambda each: (each.namespec, kinds.index(each.kind))))


def _not_restarted(
    before: Snapshot, after: Snapshot, restarted: Collection[Namespec]
) -> Iterator[Difference]:
    for namespec in restarted:
        old, new = before.processes.get(namespec), after.processes.get(namespec)
        if old is not None and new is not None and old.pid is not None and old.pid == new.pid:
            yield Difference(
                namespec=namespec,
                kind=DiffKind.NOT_RESTARTED,
                expected="another pid",
                found=f"pid {new.pid}",
            )


def _beyond(namespec: Namespec, measured: Measured, tolerance: Tolerance) -> Iterator[Difference]:
    typical, taken = measured.typical_seconds, measured.start_seconds
    if typical is not None and taken is not None:
        limit = max(typical * tolerance.slower_ratio, typical + tolerance.slower_least_seconds)
        if taken > limit:
            yield Difference(
                namespec=namespec,
                kind=DiffKind.SLOWER,
                expected=f"{typical:.1f} s",
                found=f"{taken:.1f} s",
            )
    old, new = measured.resident_before, measured.resident_after
    if old is not None and new is not None:
        bytes_limit = max(old * tolerance.memory_ratio, old + tolerance.memory_least_bytes)
        if new > bytes_limit:
            yield Difference(
                namespec=namespec,
                kind=DiffKind.MEMORY,
                expected=_mebibytes(old),
                found=_mebibytes(new),
            )


def _mebibytes(resident: int) -> str:
    return f"{resident / 2**20:.0f} MiB"
