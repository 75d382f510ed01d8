"""Durations and sizes as people read them."""

from __future__ import annotations

import pytest

from supervisor_maint.cli import times


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-5, "0.0s"),
        (0.26, "0.3s"),
        (1, "1s"),
        (59.6, "1m"),
        (61, "1m 1s"),
        (3600, "1h"),
        (3605, "1h"),
        (86400 + 7200 + 60, "1d 2h"),
        (400 * 86400, "400d"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    """A duration is shown by its two largest units."""
    assert expected == times.duration(seconds)


@pytest.mark.parametrize(
    ("count", "expected"),
    [(None, "-"), (0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 2**30, "5.0 GiB")],
)
def test_size(count: float | None, expected: str) -> None:
    """Bytes are shown with a binary unit."""
    assert expected == times.size(count)
