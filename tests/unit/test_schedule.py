"""When plans are scheduled: zones, both changes of the clock, and what is no schedule."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import strategies

from supervisor_maint.maintenance.schedule import Schedule


def _at(text: str, zone: str = "UTC", *, second_time: bool = False) -> float:
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=int(second_time))
    return moment.timestamp()


def _utc(moment_at: float) -> str:
    return datetime.fromtimestamp(moment_at, timezone.utc).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("expression", "zone", "after", "expected"),
    [
        # 03:00 in Tokyo is 18:00 UTC the day before
        ("0 3 * * *", "Asia/Tokyo", "2024-03-01T00:00", "2024-03-01T18:00"),
        ("0 3 * * *", "Asia/Tokyo", "2024-03-01T18:00", "2024-03-02T18:00"),
        # offsets of half and three quarter hours
        ("0 3 * * *", "Asia/Kolkata", "2024-03-01T00:00", "2024-03-01T21:30"),
        ("0 3 * * *", "Asia/Kathmandu", "2024-03-01T00:00", "2024-03-01T21:15"),
        ("15 3 * * *", "Australia/Eucla", "2024-03-01T00:00", "2024-03-01T18:30"),
        # either day field is enough when both are restricted
        ("0 3 13 * 5", "UTC", "2024-09-01T00:00", "2024-09-06T03:00"),
        ("0 3 29 2 *", "UTC", "2025-01-01T00:00", "2028-02-29T03:00"),
        ("0 3 * * sun", "UTC", "2024-03-01T00:00", "2024-03-03T03:00"),
    ],
)
def test_next_time(expression: str, zone: str, after: str, expected: str) -> None:
    """The next time is the wall clock's in the plan's zone."""
    schedule = Schedule.parse(expression, zone)

    assert expected == _utc(schedule.next_after(_at(after)))


@pytest.mark.parametrize(
    ("expression", "zone", "day", "expected"),
    [
        # 2024-03-10, New York: 02:00 to 03:00 does not exist (07:00 UTC is the end of the gap)
        ("30 2 * * *", "America/New_York", "2024-03-10", ["2024-03-10T07:00"]),
        ("0,30 2 * * *", "America/New_York", "2024-03-10", ["2024-03-10T07:00"]),
        ("*/15 2 * * *", "America/New_York", "2024-03-10", ["2024-03-10T07:00"]),
        ("0 3 * * *", "America/New_York", "2024-03-10", ["2024-03-10T07:00"]),
        (
            "0 */12 * * *",
            "America/New_York",
            "2024-03-10",
            ["2024-03-10T05:00", "2024-03-10T16:00"],
        ),
        # 2024-11-03, New York: 01:00 to 02:00 comes twice
        ("30 1 * * *", "America/New_York", "2024-11-03", ["2024-11-03T05:30"]),
        (
            "*/30 1 * * *",
            "America/New_York",
            "2024-11-03",
            ["2024-11-03T05:00", "2024-11-03T05:30"],
        ),
        # Lord Howe moves by half an hour
        ("15 2 * * *", "Australia/Lord_Howe", "2024-10-06", ["2024-10-05T15:30"]),
        # Samoa left out the whole 30th of December 2011, and the 31st has its own
        ("0 3 * * *", "Pacific/Apia", "2011-12-30", ["2011-12-30T10:00", "2011-12-30T13:00"]),
    ],
)
def test_wall_clock_times_come_once(
    expression: str, zone: str, day: str, expected: list[str]
) -> None:
    """A time that does not exist comes at the end of the gap, a doubled one the first time."""
    schedule = Schedule.parse(expression, zone)
    begin = _at(f"{day}T00:00", zone)
    end = begin + timedelta(hours=22).total_seconds()  # a short day has 23
    found = []
    moment = schedule.next_after(begin - 1)
    while moment < end and len(found) < 10:
        found.append(_utc(moment))
        moment = schedule.next_after(moment)

    assert expected == found


@pytest.mark.parametrize(
    ("day", "expected"), [("2024-03-10", 23), ("2024-11-03", 25), ("2024-06-01", 24)]
)
def test_every_hour_means_time_that_passes(day: str, expected: int) -> None:
    """A schedule for every hour has 23 times on the short day and 25 on the long one."""
    zone = ZoneInfo("America/New_York")
    begin = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = (begin + timedelta(days=1)).timestamp()
    schedule = Schedule.parse("30 * * * *", zone)
    times = []
    moment = schedule.next_after(begin.timestamp())
    while moment < end:
        times.append(moment)
        moment = schedule.next_after(moment)

    assert expected == len(times)


def test_second_time_of_a_doubled_hour_is_not_scheduled() -> None:
    """Between the first and the second 01:30 the next time is tomorrow's."""
    schedule = Schedule.parse("30 1 * * *", "America/New_York")
    second = _at("2024-11-03T01:15", "America/New_York", second_time=True)

    assert "2024-11-04T06:30" == _utc(schedule.next_after(second))
    assert "2024-11-03T05:30" == _utc(schedule.latest_before(second) or 0.0)


def test_latest_counts_the_moment_itself() -> None:
    """At its very second a time is the latest, and not the next any more."""
    schedule = Schedule.parse("0 3 * * *", "UTC")
    moment = _at("2024-03-01T03:00")

    assert moment == schedule.latest_before(moment)
    assert moment == schedule.latest_before(moment + 0.5)
    assert moment - 86400 == schedule.latest_before(moment - 0.5)
    assert moment + 86400 == schedule.next_after(moment)


@pytest.mark.parametrize(
    ("expression", "zone", "expected"),
    [
        ("0 3 * *", "UTC", "expected a cron expression of 5 fields"),
        ("0 0 3 * * *", "UTC", "5 fields (minute hour day month weekday), found 6"),
        ("0 25 * * *", "UTC", "bad hour"),
        ("0 3 30 2 *", "UTC", "bad day-of-month"),
        ("0 3 * * *", "Asia/Tokio", "expected an IANA time zone such as Asia/Tokyo"),
        ("0 3 * * *", "America", "expected an IANA time zone"),
        ("0 3 * * *", "../etc/passwd", "expected an IANA time zone"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str, zone: str, expected: str) -> None:
    """A refusal says what was expected."""
    with pytest.raises(ValueError, match="expected") as refused:
        Schedule.parse(expression, zone)

    assert expected in str(refused.value)


@hypothesis.given(
    moment=strategies.floats(1_000_000_000, 2_000_000_000),
    expression=strategies.sampled_from(
        ["0 3 * * *", "30 2 * * *", "*/7 1-2 * * *", "15 * * * *", "0 0 1 * *", "30 1 * * 0"]
    ),
    zone=strategies.sampled_from(
        ["UTC", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca"]
    ),
)
def test_latest_and_next_agree(moment: float, expression: str, zone: str) -> None:
    """Nothing lies between the latest time and the next, and the latest's next is the next."""
    schedule = Schedule.parse(expression, zone)
    latest = schedule.latest_before(moment)
    upcoming = schedule.next_after(moment)

    assert latest is not None
    assert latest <= moment < upcoming
    assert upcoming == schedule.next_after(latest)
