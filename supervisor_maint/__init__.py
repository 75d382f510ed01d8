"""Planned restarts, diffs and metrics for supervisord, in one event listener."""

from __future__ import annotations

__version__ = "0.1.0"
