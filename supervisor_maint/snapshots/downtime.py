"""Seconds that a process was down, by cause. Pure; every time is given.

An interval is open from leaving RUNNING to the next RUNNING and grows whenever it is looked at,
so that what was shown once is never taken back, whatever the clock does. While nobody could know
(no listener ran) it is paused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from supervisor_maint.snapshots.tallies import Cause


@attrs.define
class Downtime:
    """What was counted, and the interval that is open.

    ``cause`` is that of the open interval, None when there is none; ``counted_to`` the moment up
    to which it is counted.
    """

    seconds: dict[Cause, float] = attrs.field(factory=lambda: dict.fromkeys(Cause, 0.0))
    cause: Cause | None = None
    counted_to: float = 0.0
    is_paused: bool = False

    @classmethod
    def restore(cls, saved: Mapping[str, Any]) -> Downtime:
        """Go on where ``save`` was."""
        cause = saved["cause"]
        return cls(
            seconds={each: float(saved["seconds"].get(each.value, 0.0)) for each in Cause},
            cause=None if cause is None else Cause(cause),
            counted_to=float(saved["counted_to"]),
            is_paused=bool(saved["is_paused"]),
        )

    def save(self) -> dict[str, Any]:
        """Return what ``restore`` needs, JSON-able."""
        return {
            "seconds": {cause.value: seconds for cause, seconds in self.seconds.items()},
            "cause": None if self.cause is None else self.cause.value,
            "counted_to": self.counted_to,
            "is_paused": self.is_paused,
        }

    def begin(self, cause: Cause, at: float) -> None:
        """Be down for this cause from now on; one already open goes on, or gives way to it."""
        if self.cause is cause:
            self.resume(at)
            return
        self.end(at)
        self.cause = cause
        self.counted_to = at

    def end(self, at: float) -> None:
        """Be up, or down without anybody minding."""
        self.grow(at)
        self.cause = None
        self.is_paused = False

    def grow(self, now: float) -> bool:
        """Count up to now; tell whether that changed anything."""
        if self.cause is None or self.is_paused or now <= self.counted_to:
            return False
        self.seconds[self.cause] += now - self.counted_to
        self.counted_to = now
        return True

    def pause(self, known_at: float) -> None:
        """Count up to the last moment that anything was known, and no further."""
        self.grow(known_at)
        self.is_paused = self.cause is not None

    def resume(self, since: float) -> None:
        """Go on if paused, counting from ``since``; -inf also counts all of the pause."""
        if self.is_paused:
            self.counted_to = max(self.counted_to, since)
            self.is_paused = False
