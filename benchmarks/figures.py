"""Numbers to figures: quantiles, ratios, and whether a target is reached. No I/O here."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

import attrs


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed.

    The nearest rank, never something between two values. Raises ValueError when there is none.
    """
    if not values:
        raise ValueError("expected at least one value, found none")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def median_of(
    rounds: Iterable[Sequence[float]], figure: Callable[[Sequence[float]], float]
) -> float:
    """Return the median of a figure over the rounds: one disturbed round does not move it."""
    return statistics.median(figure(values) for values in rounds)


def with_those_kept_waiting(seconds: Iterable[float], spacing_seconds: float) -> list[float]:
    """Add the events that would have come while a slow one was not answered.

    Who sends the next event after the last answer sends none during a pause, and so measures it
    once; events that come by themselves meet it once for each spacing that it lasts. The same as
    HdrHistogram's correction of "coordinated omission".
    """
    found = []
    for waited in seconds:
        found.append(waited)
        rest = waited - spacing_seconds
        while rest > 0:
            found.append(rest)
            rest -= spacing_seconds
    return found


@attrs.frozen
class Target:
    """A limit, in the unit of the figure it is for; ``words`` is how it reads in the table."""

    words: str
    keeps: Callable[[float], bool]

    def verdict(self, value: float) -> str:
        """Say what was asked, and whether the value keeps it."""
        return f"{self.words}: {'reached' if self.keeps(value) else '**not reached**'}"


def at_most(limit: float, words: str) -> Target:
    """Return the target of a figure that shall be small."""
    return Target(f"≤ {words}", lambda value: value <= limit)


def at_least(limit: float, words: str) -> Target:
    """Return the target of a figure that shall be large."""
    return Target(f"≥ {words}", lambda value: value >= limit)
