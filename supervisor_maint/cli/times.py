"""Times as people read them: with their zone, and how long ago."""

from __future__ import annotations

from datetime import tzinfo

from supervisor_maint import moments
from supervisor_maint.durations import show as duration

__all__ = ["ago", "duration", "moment", "size"]


def moment(at: float | None, zone: tzinfo) -> str:
    """Print a moment (seconds since the epoch) in a zone, with the zone's name; ``-`` for never."""
    if at is None:
        return "-"
    return moments.show(at, zone)


def ago(at: float | None, now: float) -> str:
    """Print how long ago a moment was; ``never`` for None."""
    return "never" if at is None else f"{duration(now - at)} ago"


def size(count: float | None) -> str:
    """Print bytes with a binary unit: ``12.3 MiB``; ``-`` when unknown."""
    if count is None:
        return "-"
    value = float(count)
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1024:  # noqa: PLR2004 - what a binary unit is
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
