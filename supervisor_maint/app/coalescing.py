"""Many reasons to look are one: the first is followed at once, the rest together."""

from __future__ import annotations

import asyncio
from typing import Callable

import attrs


@attrs.define(eq=False)
class Coalesced:
    """Calls ``wake`` for each ``ring``, but never twice within ``spacing_seconds``.

    A ring within that time is not lost: it is followed when the time is over. To be used in a
    running loop.
    """

    _wake: Callable[[], None]
    _spacing_seconds: float
    _rests: bool = attrs.field(init=False, default=False)
    _is_rung: bool = attrs.field(init=False, default=False)

    def ring(self) -> None:
        """Wake now, or as soon as the time is over."""
        if self._rests:
            self._is_rung = True
            return
        self._rests = True
        asyncio.get_running_loop().call_later(self._spacing_seconds, self._rested)
        self._wake()

    def _rested(self) -> None:
        self._rests = False
        if self._is_rung:
            self._is_rung = False
            self.ring()
