"""Durations, to and from text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint import durations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90.0),
        ("10s", 10.0),
        ("1.5h", 5400.0),
        ("2 D", 172800.0),
        ("1w", 604800.0),
        ("", None),
        ("-1", None),
        ("5y", None),
        ("1h 5m", None),
        ("٣", None),
    ],
)
def test_text_becomes_seconds(text: str, expected: float | None) -> None:
    """A number with a unit is read; what is none is None."""

    assert expected == durations.seconds(text)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0.0s"),
        (0.44, "0.4s"),
        (59, "59s"),
        (60, "1m"),
        (200, "3m 20s"),
        (3605, "1h"),
        (93600, "1d 2h"),
    ],
)
def test_seconds_become_text(seconds: float, expected: str) -> None:
    """The two largest units are shown, and no zero among them."""

    assert expected == durations.show(seconds)


@given(st.text(max_size=12))
def test_any_text_is_answered(text: str) -> None:
    """No text raises."""
    found = durations.seconds(text)

    assert found is None or found >= 0
