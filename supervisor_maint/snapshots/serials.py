"""Putting the events of our pool into their order, and counting those that never came. Pure.

Supervisord numbers what it puts into a pool (``poolserial``, ours: ``pool_serial``). The order of
arrival is nearly that of the numbers, but not quite:

- an event that another pool of equal priority rejected is put at the *head* of our buffer, with
  a fresh number when it is new to us: 10, 15, 11, 12, 13, 14, 16 has lost nothing;
- an event that was not acknowledged, or that another pool rejected, comes again with its number;
- a full buffer drops the oldest: 11 to 40 never come;
- another supervisord, a ``reload`` and an ``update`` of our own stanza begin again at 0.

So an event that reveals a hole waits until the hole is filled, or until a later event of ours
shows that it never will be. What is given up is counted, and what comes after it is handed on.
(``supervisor/process.py``: ``_acceptEvent``, ``handle_rejected``, ``new_serial``.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Union

import attrs

from supervisor_maint.listener.events import (
    Event,
    ForeignEvent,
    ProcessGroupEvent,
    SupervisorStateEvent,
)

# Only foreign events can pile up behind a hole, and a TICK_5 ends that within 5 s.
_MOST_HELD = 1000


@attrs.frozen
class Lost:
    """Events that never came, as many as ``count``, before whatever is handed on next."""

    count: int


@attrs.frozen
class PoolRestarted:
    """The numbers began again. What happened between the two pools was told to nobody."""


Step = Union[Event, Lost, PoolRestarted]


@attrs.define
class EventOrder:
    """Takes events as they arrive and hands them on in order, each once.

    ``newest`` is the last number handed on or given up; the first event of ours ever received
    begins. ``serial`` is the highest number that supervisord gave to any event seen (it outlives
    a ``reload``), ``lost`` the total given up. ``is_distrustful`` after ``distrust``.
    """

    newest: int | None = None
    serial: int = -1
    lost: int = 0
    is_distrustful: bool = False
    _held: dict[int, Event] = attrs.field(factory=dict)

    @classmethod
    def restore(cls, saved: Mapping[str, Any]) -> EventOrder:
        """Go on where ``save`` was; what was held then is missing and will be counted as lost."""
        return cls(newest=saved["newest"], serial=saved["serial"], lost=saved["lost"])

    def save(self) -> dict[str, Any]:
        """Return what ``restore`` needs, JSON-able."""
        return {"newest": self.newest, "serial": self.serial, "lost": self.lost}

    def another_supervisord(self) -> None:
        """Expect the numbers from 0: whoever sent the old ones is gone."""
        if self.newest is not None:
            self.newest, self.serial = -1, -1
        self.is_distrustful = False
        self._held.clear()

    def distrust(self) -> None:
        """Take low numbers for another supervisord's if they come with what begins a pool.

        For a listener that starts without having been able to ask which supervisord it is; until
        an event came whose number is new.
        """
        self.is_distrustful = self.newest is not None

    def receive(self, event: Event) -> list[Step]:
        """Return what is now due, in order; nothing for a repeated event or one that must wait."""
        steps: list[Step] = []
        number = event.pool_serial
        if self._begins_again(event):
            steps.extend(self._begin_again())
        is_foreign = isinstance(event, ForeignEvent)
        if self.newest is None and not is_foreign:
            self.newest = number - 1
        if number < self._next() or number in self._held:
            return steps
        self.is_distrustful = self.is_distrustful and is_foreign
        self.serial = max(self.serial, event.serial)
        self._held[number] = event
        if self.newest is None:
            return steps
        steps.extend(self._release())
        if not is_foreign or len(self._held) > _MOST_HELD:
            steps.extend(self._give_up_before(number))
        return steps

    def _begins_again(self, event: Event) -> bool:
        if self.newest is None or event.pool_serial > self.newest:
            return False
        if event.serial > self.serial:
            return True
        # A process may come with an old number because another pool rejected it just now.
        opens_a_pool = isinstance(event, (SupervisorStateEvent, ProcessGroupEvent))
        is_repeated = event.pool_serial == self.newest and event.serial == self.serial
        return self.is_distrustful and opens_a_pool and not is_repeated

    def _begin_again(self) -> Iterator[Step]:
        for number in sorted(self._held):
            yield self._held.pop(number)
        self.newest, self.serial, self.is_distrustful = -1, -1, False
        yield PoolRestarted()

    def _release(self) -> Iterator[Step]:
        while self._held:
            event = self._held.pop(self._next(), None)
            if event is None:
                return
            self.newest = event.pool_serial
            yield event

    def _give_up_before(self, number: int) -> Iterator[Step]:
        """Give up every hole that was known before the event of this number came."""
        while self._held and min(self._held) < number:
            revealed_by = min(self._held)
            count = revealed_by - self._next()
            self.lost += count
            self.newest = revealed_by - 1
            yield Lost(count)
            yield from self._release()

    def _next(self) -> int:
        return 0 if self.newest is None else self.newest + 1
