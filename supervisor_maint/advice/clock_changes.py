"""The hours that a zone's clocks leave out, and the schedules that name one. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import attrs

from supervisor_maint.maintenance.schedule import Schedule

# The next change of each kind, also where Ramadan or a calendar of another year moves it.
_LOOK_AHEAD = timedelta(days=400)
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_EVERY_HOUR = ("*", "*/1")


@attrs.frozen
class Gap:
    """What the clocks on the wall leave out: from ``begins`` up to ``ends``, without a zone."""

    begins: datetime
    ends: datetime


def skipped_time(schedule: Schedule, now: float) -> tuple[datetime, Gap] | None:
    """Return the first wall time of a schedule that does not exist, and the gap it is in.

    None when there is none within 400 days, or the schedule means time that passes.
    """
    if schedule.expression.split()[1] in _EVERY_HOUR:
        return None
    # In UTC every time on the wall exists.
    on_the_wall = Schedule.parse(schedule.expression, "UTC")
    for gap in gaps(ZoneInfo(schedule.zone), now):
        first = on_the_wall.next_after((_as_utc(gap.begins) - _MINUTE).timestamp())
        wall = datetime.fromtimestamp(first, timezone.utc).replace(tzinfo=None)
        if wall < gap.ends:
            return wall, gap
    return None


def gaps(zone: ZoneInfo, now: float) -> Iterator[Gap]:
    """Yield what the zone's clocks leave out within 400 days."""
    start = datetime.fromtimestamp(now, timezone.utc).replace(second=0, microsecond=0)
    day = start
    while day < start + _LOOK_AHEAD:
        if _offset(day, zone) < _offset(day + _DAY, zone):
            yield _gap(day, day + _DAY, zone)
        day += _DAY


def _gap(before: datetime, after: datetime, zone: ZoneInfo) -> Gap:
    """Find the change between two moments to the minute, by halving."""
    while after - before > _MINUTE:
        middle = before + (after - before) // (2 * _MINUTE) * _MINUTE
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return Gap(_wall(after, _offset(before, zone)), _wall(after, _offset(after, zone)))


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _wall(moment: datetime, offset: timedelta) -> datetime:
    return moment.replace(tzinfo=None) + offset


def _as_utc(wall: datetime) -> datetime:
    return wall.replace(tzinfo=timezone.utc)
