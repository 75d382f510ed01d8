"""The counts of all processes, from events and, where events were lost, from snapshots. Pure.

Events are counted as they come. A snapshot shows more than the events received so far, but the
events that tell the same, and the cause, may still wait in the pool. So it is put aside until
supervisord's stream has passed it (a TICK whose period began after it was taken: events arrive in
order), and then fills in what no event told. A process that an event told something new of in the
meantime is left to its events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.listener.events import ProcessStateEvent
from supervisor_maint.processes import Namespec, ProcessConfig, ProcessStatus, Snapshot
from supervisor_maint.snapshots.expected import exited_as_expected
from supervisor_maint.snapshots.runs import ProcessRuns
from supervisor_maint.snapshots.tallies import Cause, ProcessTally

# An answer may be older than its arrival by as long as a call may take (its timeout is 5 s).
_ANSWER_SECONDS = 6.0


@attrs.define
class Counting:
    """Counts of each process; ``known_at`` is the last moment that anything was heard or shown.

    ``in_run`` tells whether a planned run is under way: what is stopped by command in one counts
    as down.
    """

    runs: dict[Namespec, ProcessRuns] = attrs.field(factory=dict)
    known_at: float = -math.inf
    in_run: bool = False
    changed: set[Namespec] = attrs.field(factory=set)
    _waiting: dict[Namespec, ProcessStatus | None] = attrs.field(factory=dict)
    _waiting_taken_at: float = math.inf
    _group_removed_at: dict[str, float] = attrs.field(factory=dict)

    @classmethod
    def restore(cls, saved: Mapping[Namespec, Mapping[str, Any]], known_at: float) -> Counting:
        """Go on where the counts were saved; until something is heard, downtime is paused."""
        counting = cls(
            {namespec: ProcessRuns.restore(runs) for namespec, runs in saved.items()}, known_at
        )
        for runs in counting.runs.values():
            runs.downtime.pause(known_at)
        counting.changed.update(counting.runs)
        return counting

    def hear(self, at: float) -> None:
        """Note that something was heard or shown at this moment."""
        self.known_at = max(self.known_at, at)

    def apply(self, event: ProcessStateEvent) -> None:
        """Count an event."""
        self._waiting.pop(event.namespec, None)
        self._of(event.namespec).apply(event, in_run=self.in_run)

    def plan_stop(self, namespec: Namespec, pid: int) -> None:
        """Take the coming stop of this pid for maintenance."""
        self._of(namespec).plan_stop(pid)

    def missed_events(self) -> None:
        """Doubt what only unbroken news can tell."""
        for namespec, runs in self.runs.items():
            if runs.left_by not in (None, Cause.EXIT):
                runs.missed_events()
                self.changed.add(namespec)

    def doubt_epoch(self) -> None:
        """Doubt that it is the same supervisord: the next start of each may be its first."""
        for runs in self.runs.values():
            runs.doubt_epoch()
        self.changed.update(self.runs)

    def remove_group(self, group: str, at: float) -> None:
        """Forget every process of a group: its series go with it."""
        self._group_removed_at[group] = at
        for namespec in [each for each in self.runs if each.group == group]:
            self._forget(namespec)
        for namespec in [each for each in self._waiting if each.group == group]:
            del self._waiting[namespec]

    def end_run(self, now: float) -> None:
        """End a planned run; what an operator stopped in it is stopped on purpose from now on."""
        self.in_run = False
        for namespec, runs in self.runs.items():
            if runs.downtime.cause is Cause.COMMAND:
                runs.downtime.end(now)
                self.changed.add(namespec)

    def begin_epoch(self, *, killed: bool, has_same_pids: bool) -> None:
        """Begin anew with another supervisord, or the same after a ``reload``.

        One that was ``killed`` took down what was RUNNING: since the last moment we know of.
        Otherwise it was stopped by command, as ``reload`` and ``shutdown`` are.
        """
        self._waiting.clear()
        for runs in self.runs.values():
            left_at = self.known_at if killed else None
            runs.begin_epoch(left_at=left_at, has_same_pids=has_same_pids)
        self.changed.update(self.runs)

    def see(self, snapshot: Snapshot) -> None:
        """Put a snapshot aside until the stream has passed it; new processes begin at 0.

        What was heard while it may have been on its way is newer than it.
        """
        asked_at = snapshot.taken_at - _ANSWER_SECONDS
        doubtful = {group for group, at in self._group_removed_at.items() if at >= asked_at}
        shown = {
            namespec: status
            for namespec, status in snapshot.processes.items()
            if namespec.group not in doubtful
        }
        for namespec in shown.keys() - self.runs.keys():
            self._of(namespec)
        gone = self.runs.keys() - snapshot.processes.keys()
        self._waiting = {
            namespec: status
            for namespec, status in {**shown, **dict.fromkeys(gone)}.items()
            if self.runs[namespec].heard_at < asked_at
        }
        self._waiting_taken_at = snapshot.taken_at

    def passed(self, when: float, configs: Mapping[Namespec, ProcessConfig]) -> None:
        """Fill in from the snapshot put aside, if the stream has come as far as ``when``."""
        if not self._waiting or when < self._waiting_taken_at:
            return
        for namespec, status in self._waiting.items():
            if status is None:
                self._forget(namespec)
            elif namespec in self.runs and not self.runs[namespec].agrees_with(status):
                expected = exited_as_expected(status, configs.get(namespec))
                self._of(namespec).fill_in(status, as_expected=expected, at=self._waiting_taken_at)
        self._waiting.clear()

    def tallies(self, now: float) -> dict[Namespec, ProcessTally]:
        """Return every count as of now."""
        self.hear(now)
        for namespec, runs in self.runs.items():
            if runs.downtime.grow(now):
                self.changed.add(namespec)
        return {namespec: runs.tally() for namespec, runs in self.runs.items()}

    def _of(self, namespec: Namespec) -> ProcessRuns:
        self.changed.add(namespec)
        if namespec not in self.runs:
            self.runs[namespec] = ProcessRuns()
        return self.runs[namespec]

    def _forget(self, namespec: Namespec) -> None:
        self.runs.pop(namespec, None)
        self.changed.add(namespec)
