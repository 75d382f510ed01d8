"""When a burst of transitions is over. Pure; every time is given.

A process has settled when it had no transition for ``settle_seconds`` and is not STARTING,
STOPPING or BACKOFF. The burst is over when all have, or ``settle_max_seconds`` after it began:
what still moves then is flapping, and a new burst begins with it.
"""

from __future__ import annotations

import enum
import math

import attrs

from supervisor_maint.processes import Namespec, ProcessStatus, Snapshot

# While a snapshot shows something moving that no event told of, look again this often a settle.
_LOOKS_PER_SETTLE = 4


class Reason(str, enum.Enum):
    """What began a burst."""

    LISTENER_START = "listener_start"
    SUPERVISORD_START = "supervisord_start"
    GROUP = "group"
    TRANSITION = "transition"
    EVENTS_LOST = "events_lost"
    STILL_MOVING = "still_moving"
    LOOKED = "looked"


@attrs.frozen(kw_only=True)
class Verdict:
    """A burst that is over, and the processes that moved even so."""

    began_at: float
    reason: Reason
    flapping: frozenset[Namespec]


def _at_least_zero(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not value >= 0:
        raise ValueError(f"{attribute.name} must be 0 or more seconds, not {value!r}")


@attrs.define
class Settling:
    """Watches one burst after the other; ``began_at`` is None while there is none."""

    settle_seconds: float = attrs.field(default=10.0, validator=_at_least_zero)
    settle_max_seconds: float = attrs.field(default=60.0, validator=_at_least_zero)
    began_at: float | None = None
    _reason: Reason = Reason.TRANSITION
    _stirred_at: float = -math.inf
    _looked_at: float = -math.inf
    _moved_at: dict[Namespec, float] = attrs.field(factory=dict)

    def stir(self, at: float, reason: Reason) -> None:
        """Begin a burst, or keep one open: something happened that may move any process."""
        if self.began_at is None:
            self._begin(at, reason)
        elif reason is Reason.SUPERVISORD_START:
            self._reason = reason
        self._stirred_at = max(self._stirred_at, at)

    def moved(self, namespec: Namespec, at: float) -> None:
        """Note a transition of a process."""
        if self.began_at is None:
            self._begin(at, Reason.TRANSITION)
        self._moved_at[namespec] = at

    def _begin(self, at: float, reason: Reason) -> None:
        self.began_at = at
        self._reason = reason
        self._looked_at = -math.inf

    def forget_group(self, group: str) -> None:
        """Wait no longer for the processes of a group that is gone."""
        for namespec in [each for each in self._moved_at if each.group == group]:
            del self._moved_at[namespec]

    def verdict(self, snapshot: Snapshot) -> Verdict | None:
        """Return what a burst came to, None while it goes on or when there is none."""
        now = snapshot.taken_at
        unsettled = self._unsettled(snapshot)
        if self.began_at is None:
            if unsettled:
                self.stir(now, Reason.LOOKED)
            return None
        self._follow_clock(now)
        self._looked_at = now
        is_over = not unsettled and now - self._stirred_at >= self.settle_seconds
        if not is_over and now - self.began_at < self.settle_max_seconds:
            return None
        return self._close(now, unsettled)

    def next_due(self, now: float) -> float | None:
        """Return when a snapshot may end the burst, None when there is none."""
        if self.began_at is None:
            return None
        self._follow_clock(now)
        quiet_at = max([self._stirred_at, *self._moved_at.values()])
        again_at = self._looked_at + self.settle_seconds / _LOOKS_PER_SETTLE
        due_at = max(quiet_at + self.settle_seconds, again_at)
        return min(due_at, self.began_at + self.settle_max_seconds)

    def _close(self, now: float, unsettled: frozenset[Namespec]) -> Verdict:
        began_at = now if self.began_at is None else self.began_at
        verdict = Verdict(began_at=began_at, reason=self._reason, flapping=unsettled)
        self._moved_at = {
            namespec: at for namespec, at in self._moved_at.items() if namespec in unsettled
        }
        self.began_at = None
        self._stirred_at = -math.inf
        if unsettled:
            self.began_at = now
            self._reason = Reason.STILL_MOVING
        return verdict

    def _unsettled(self, snapshot: Snapshot) -> frozenset[Namespec]:
        now = snapshot.taken_at
        return frozenset(
            status.namespec
            for status in snapshot.processes.values()
            if status.state.is_moving or now - self._last_move(status, now) < self.settle_seconds
        )

    def _last_move(self, status: ProcessStatus, now: float) -> float:
        """Return the last transition; supervisord's own times tell of those no event told of."""
        told = (self._moved_at.get(status.namespec), status.started_at, status.stopped_at)
        heard_at, *shown = (-math.inf if at is None else at for at in told)
        return max(heard_at, *(at for at in shown if at <= now), -math.inf)

    def _follow_clock(self, now: float) -> None:
        """Begin the burst anew when the clock was set back, or it would last as long as that."""
        if self.began_at is not None and self.began_at - now > self.settle_max_seconds:
            self.began_at = self._stirred_at = self._looked_at = now
            self._moved_at = dict.fromkeys(self._moved_at, now)
