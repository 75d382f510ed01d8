"""Moments as people write and read them. No I/O here.

Only the standard library is imported: the plug-in of supervisorctl uses this, too.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

_TIME_OF_DAY = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
# Wide enough for whoever means it; a date of another century is a slip of the keyboard.
_YEARS = range(1970, 2200)


def moment(text: str, now: float, zone: tzinfo | None = None) -> float | None:
    """Read a moment; seconds since the epoch, None when it is none.

    ``06:30`` is the next such time, ``2026-11-28 06:30`` or ``2026-11-28T06:30`` are in ``zone``
    (the machine's own if None) unless an offset (``+09:00``, ``Z``) follows.
    """
    time_of_day = _TIME_OF_DAY.fullmatch(text)
    if time_of_day:
        return _next(int(time_of_day[1]), int(time_of_day[2]), now, zone)
    try:
        found = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
    except ValueError:
        return None
    return _epoch(found, zone) if found.year in _YEARS else None


def show(at: float, zone: tzinfo) -> str:
    """Print a moment in a zone, with the zone's name: ``2026-11-28 03:00:00 JST``."""
    return datetime.fromtimestamp(at, zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _next(hour: int, minute: int, now: float, zone: tzinfo | None) -> float:
    present = datetime.fromtimestamp(now, zone)
    today = present.replace(hour=hour, minute=minute, second=0, microsecond=0, fold=0)
    at = _epoch(today, zone)
    return at if at > now else _epoch(today + timedelta(days=1), zone)


def _epoch(wall: datetime, zone: tzinfo | None) -> float:
    return (wall if wall.tzinfo else wall.replace(tzinfo=zone)).timestamp()
