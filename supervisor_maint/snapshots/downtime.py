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

    ``cause`` is that of the open interval; ``counted_to`` the moment up to which it is counted,
    None while paused.
    """

    seconds: dict[Cause, float] = attrs.field(
        factory=lambda: dict.fromkeys(Cause, 0.0), on_setattr=attrs.setters.NO_OP
    )
    cause: Cause | None = None
    counted_to: float | None = None

    @classmethod
    def restore(cls, saved: Mapping[str, Any]) -> Downtime:
        """Go on where ``save`` was."""
        cause = saved["cause"]
        return cls(
            {each: float(saved["seconds"].get(each.value, 0.0)) for each in Cause},
            None if cause is None else Cause(cause),
            saved["counted_to"],
        )

    def save(self) -> dict[str, Any]:
        """Return what ``restore`` needs, JSON-able."""
        return {
            "seconds": {cause.value: seconds for cause, seconds in self.seconds.items()},
            "cause": None if self.cause is None else self.cause.value,
            "counted_to": self.counted_to,
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
        self.counted_to = None

    def grow(self, now: float) -> bool:
        """Count up to now; tell whether that changed anything."""
        if self.cause is None or self.counted_to is None or now <= self.counted_to:
            return False
        self.seconds[self.cause] += now - self.counted_to
        self.counted_to = now
        return True

    def pause(self, known_at: float) -> None:
        """Count up to the last moment that anything was known, and no further."""
        self.grow(known_at)
        self.counted_to = None

    def resume(self, at: float) -> None:
        """Go on counting from this moment if the interval is paused."""
        if self.cause is not None and self.counted_to is None:
            self.counted_to = at

    @property
    def is_paused(self) -> bool:
        """Tell whether an interval is open of which nobody knows if it still lasts."""
        return self.cause is not None and self.counted_to is None
