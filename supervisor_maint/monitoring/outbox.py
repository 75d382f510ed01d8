"""What waits for a sink, and when to try again. No I/O here.

Only the newest report counts: one that a newer one overtakes is dropped. A report that the sink
rejected is not tried again, the next one is; any other failure is tried again with whatever is
newest by then.
"""

from __future__ import annotations

import enum

import attrs

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.facts import SinkStatus

_SHARE_OF_OUTAGE = 0.05
_SHORTEST_SECONDS = 0.5
_LONGEST_SECONDS = 30.0
_JITTER_SHARE = 0.25


def backoff_seconds(outage_seconds: float, jitter: float) -> float:
    """Return how long to wait before the next write, in seconds.

    A twentieth of the outage so far, but 0.5 s to 30 s: after 30 s of a gateway that hangs for
    3 s a write, the newest report arrives within 5 s of its return; after a night, within half
    a minute. ``jitter`` is 0 to 1 and shortens the wait by up to a quarter, so that the
    listeners of a fleet do not come back in step.
    """
    seconds = min(max(outage_seconds * _SHARE_OF_OUTAGE, _SHORTEST_SECONDS), _LONGEST_SECONDS)
    return seconds * (1 - _JITTER_SHARE * jitter)


class Change(enum.Enum):
    """What the end of a write changed, as far as it is worth a line in the log."""

    NOTHING = "nothing"
    WENT_BAD = "went bad"
    RECOVERED = "recovered"


@attrs.define
class Outbox:
    """The newest report that waits, and how the writes went so far."""

    status: SinkStatus = attrs.field(factory=SinkStatus)
    waiting: bytes | None = None
    bad_since: float | None = None
    _rejected: bool = False

    def put(self, exposition: bytes) -> None:
        """Let a report wait; one that waited already is dropped."""
        self.waiting = exposition

    def take(self) -> bytes | None:
        """Take the report that waits, None when there is none."""
        exposition, self.waiting = self.waiting, None
        return exposition

    def delivered(self, now: float) -> Change:
        """Note that the sink took the report."""
        was_bad = self.bad_since is not None
        self.bad_since = None
        self.status = attrs.evolve(
            self.status, ok=self.status.ok + 1, last_success_at=now, last_error=None
        )
        return Change.RECOVERED if was_bad else Change.NOTHING

    def refused(self, exposition: bytes, error: SinkError, now: float) -> Change:
        """Note that the sink did not take the report, and keep it unless it was rejected."""
        is_news = self.bad_since is None or self._rejected is not error.rejected
        if self.bad_since is None:
            self.bad_since = now
        self._rejected = error.rejected
        if self.waiting is None and not error.rejected:
            self.waiting = exposition
        self.status = attrs.evolve(
            self.status,
            failed=self.status.failed + (not error.rejected),
            rejected=self.status.rejected + error.rejected,
            last_error=error.msg,
        )
        return Change.WENT_BAD if is_news else Change.NOTHING

    def wait_seconds(self, now: float, jitter: float) -> float:
        """Return how long the next write has to wait, in seconds.

        A rejection says that the sink is there: the next report may go at once.
        """
        if self.bad_since is None or self._rejected:
            return 0.0
        return backoff_seconds(max(now - self.bad_since, 0.0), jitter)
