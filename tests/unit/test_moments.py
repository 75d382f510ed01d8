"""Moments, from text."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.moments import moment

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 28, 12, 0, tzinfo=BERLIN).timestamp()


def _utc(*parts: int) -> float:
    return datetime(*parts, tzinfo=timezone.utc).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("13:00", BERLIN, _utc(2026, 3, 28, 12, 0)),
        ("12:00", BERLIN, _utc(2026, 3, 29, 10, 0)),  # tomorrow, an hour less away by then
        ("6:05", BERLIN, _utc(2026, 3, 29, 4, 5)),
        ("2026-11-28 06:30", TOKYO, _utc(2026, 11, 27, 21, 30)),
        ("2026-11-28T06:30:15", TOKYO, _utc(2026, 11, 27, 21, 30, 15)),
        ("2026-11-28T06:30+01:00", TOKYO, _utc(2026, 11, 28, 5, 30)),
        ("2026-11-28T06:30Z", TOKYO, _utc(2026, 11, 28, 6, 30)),
        ("2026-11-28", TOKYO, _utc(2026, 11, 27, 15, 0)),
        ("24:00", BERLIN, None),
        ("tomorrow", BERLIN, None),
        ("", BERLIN, None),
        ("0001-01-01", BERLIN, None),
        ("9999-12-31", BERLIN, None),
    ],
)
def test_text_becomes_a_moment(text: str, zone: ZoneInfo, expected: float | None) -> None:
    """A time of day is the next one; a date is in the zone, unless it has an offset."""

    assert expected == moment(text, NOON, zone)


def test_without_a_zone_it_is_the_machines() -> None:
    """Where no zone is given, the machine's own holds."""
    local = datetime(2026, 11, 28, 6, 30).astimezone()

    assert local.timestamp() == moment("2026-11-28 06:30", NOON)
    assert NOON < (moment("06:30", NOON) or 0) <= NOON + 25 * 3600


@given(st.text(max_size=20))
def test_any_text_is_answered(text: str) -> None:
    """No text raises."""
    found = moment(text, NOON, BERLIN)

    assert found is None or found >= 0 or text.startswith("19")
