"""How long a call takes, in seconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


def seconds_of(work: Callable[[], object]) -> float:
    """Call it once."""
    began_at = time.monotonic()
    work()
    return time.monotonic() - began_at


def median_seconds_of(work: Callable[[], object], repeats: int) -> float:
    """Call it so many times, and return the median: one disturbed call does not move it."""
    return statistics.median(seconds_of(work) for _ in range(repeats))
