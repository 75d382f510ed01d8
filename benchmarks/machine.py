"""What the figures were measured on, and how quiet it was there."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version

_PACKAGES = ("supervisor", "superlance", "prometheus_client")
_WATCH_SECONDS = 1.0
# A loop that is not interrupted comes round in less than a microsecond.
_PAUSE_SECONDS = 0.001


def description() -> str:
    """Return one sentence: versions, processors, load, and the pauses of a busy loop."""
    versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    load = os.getloadavg()[0]
    pauses = _pauses()
    return (
        f"Python {platform.python_version()}, {versions}; Linux on {os.cpu_count()} processors, "
        f"load {load:.1f}. A loop that does nothing else was off its processor for "
        f"{sum(pauses) * 1000:.0f} ms of a second, at most {max(pauses) * 1000:.1f} ms at once: "
        "no slowest figure below says more than that."
    )


def _pauses() -> list[float]:
    """Return every pause of a busy loop, and 0 for none."""
    found = [0.0]
    last = time.monotonic()
    end_at = last + _WATCH_SECONDS
    while last < end_at:
        now = time.monotonic()
        if now - last > _PAUSE_SECONDS:
            found.append(now - last)
        last = now
    return found
