"""Durations as people write and read them. No I/O here.

Only the standard library is imported: the plug-in of supervisorctl uses this, too.
"""

from __future__ import annotations

import re

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)", re.ASCII)
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def seconds(text: str) -> float | None:
    """Read a number with s, m, h, d or w, or bare seconds; None when it is no duration."""
    match = _DURATION.fullmatch(text.lower())
    return None if match is None else float(match[1]) * _SECONDS[match[2]]


def show(seconds: float) -> str:
    """Print a duration by its two largest units: ``1d 2h``, ``3m 20s``, ``0.4s``."""
    if seconds < 1:
        return f"{max(seconds, 0):.1f}s"
    left = round(seconds)
    parts: list[str] = []
    for size, unit in _UNITS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    shown = parts[:2]
    return " ".join(part for part in shown if part[0] != "0" or part is shown[0])
