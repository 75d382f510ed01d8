"""When to look at supervisord and when to report. No I/O, no clock here.

A snapshot of 1000 processes costs supervisord 420 ms, so they are spaced by what they cost;
an idle listener asks for none but the one each report needs.
"""

from __future__ import annotations

import math

import attrs

LEAST_SNAPSHOT_SPACING_SECONDS = 0.25
# supervisord's loop is ours for at most a quarter of the time
SNAPSHOT_SPACING_FACTOR = 3.0
RETRY_AFTER_FAILURE_SECONDS = 5.0
# longer than any spacing: a call ends within its timeout
_LONGEST_SPACING_SECONDS = 15.0


@attrs.define(kw_only=True)
class Pace:
    """The earliest next snapshot and the next report, in seconds since the epoch."""

    push_interval_seconds: float = 60.0
    snapshot_allowed_at: float = -math.inf
    report_due_at: float = -math.inf

    def looking(self, now: float) -> None:
        """Note that a look begins; until it has succeeded, it counts as one that failed."""
        self.snapshot_allowed_at = now + RETRY_AFTER_FAILURE_SECONDS

    def looked(self, began_at: float, ended_at: float) -> None:
        """Note a snapshot and what it took."""
        spacing = max(
            LEAST_SNAPSHOT_SPACING_SECONDS, SNAPSHOT_SPACING_FACTOR * (ended_at - began_at)
        )
        self.snapshot_allowed_at = ended_at + spacing

    def failed(self, now: float) -> None:
        """Note that supervisord could not be asked; it is asked again a little later."""
        self.snapshot_allowed_at = now + RETRY_AFTER_FAILURE_SECONDS

    def reported(self, now: float) -> None:
        """Note a report; the next is a whole interval away."""
        self.report_due_at = now + self.push_interval_seconds

    def report_now(self) -> None:
        """Make the next report due at once."""
        self.report_due_at = -math.inf

    def follow_clock(self, now: float) -> None:
        """Keep a clock that was set back from silencing us until it has caught up."""
        self.report_due_at = min(self.report_due_at, now + self.push_interval_seconds)
        self.snapshot_allowed_at = min(self.snapshot_allowed_at, now + _LONGEST_SPACING_SECONDS)
