"""What was otherwise at another time: two snapshots, compared process by process. Pure.

Nothing is judged: what was restarted on purpose is a change like what crashed.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from supervisor_maint.processes import Namespec, ProcessStatus, Snapshot
from supervisor_maint.snapshots.rundiff import Tolerance


@attrs.frozen(kw_only=True)
class Change:
    """One process in both snapshots, None where it was absent; resident memory in bytes."""

    namespec: Namespec
    before: ProcessStatus | None
    after: ProcessStatus | None
    resident_before: int | None = None
    resident_after: int | None = None


def changes(
    before: Snapshot,
    after: Snapshot,
    resident_before: Mapping[Namespec, int],
    resident_after: Mapping[Namespec, int],
    tolerance: Tolerance | None = None,
) -> tuple[Change, ...]:
    """Return the processes that differ in state, exit status, pid, start or much memory, by name.

    Memory alone is a change beyond ``tolerance``, grown or shrunk: it is never quite the same.
    """
    limits = tolerance or Tolerance()
    both = (
        Change(
            namespec=namespec,
            before=before.processes.get(namespec),
            after=after.processes.get(namespec),
            resident_before=resident_before.get(namespec),
            resident_after=resident_after.get(namespec),
        )
        for namespec in sorted({*before.processes, *after.processes})
    )
    return tuple(each for each in both if _differs(each) or _is_of_another_size(each, limits))


def _differs(change: Change) -> bool:
    before, after = change.before, change.after
    if before is None or after is None:
        return True
    return (
        (before.state, before.exit_status, before.pid)
        != (after.state, after.exit_status, after.pid)
    ) or _started_since(before, after)


def _started_since(before: ProcessStatus, after: ProcessStatus) -> bool:
    """Tell whether it was started in between; a pid alone may come again."""
    if before.started_at is None or after.started_at is None:
        return before.started_at is not after.started_at
    return after.started_at > before.started_at


def _is_of_another_size(change: Change, limits: Tolerance) -> bool:
    if change.resident_before is None or change.resident_after is None:
        return False
    small, large = sorted((change.resident_before, change.resident_after))
    return large > max(small * limits.memory_ratio, small + limits.memory_least_bytes)
