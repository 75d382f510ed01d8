"""Waiting for what another thread or process does, for as long as a busy machine may take."""

from __future__ import annotations

import asyncio
import time
from typing import Callable, TypeVar

T = TypeVar("T")

LIMIT_SECONDS = 60.0
_PAUSE_SECONDS = 0.01


def wait_until(condition: Callable[[], T]) -> T:
    """Return the condition's answer once there is one that counts as true."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{condition} still false after {LIMIT_SECONDS:g} s"
        time.sleep(_PAUSE_SECONDS)
    return answer


async def until(condition: Callable[[], T]) -> T:
    """Do the same, and let the loop go on meanwhile."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{condition} still false after {LIMIT_SECONDS:g} s"
        await asyncio.sleep(_PAUSE_SECONDS)
    return answer
