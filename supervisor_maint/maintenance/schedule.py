"""When a plan is scheduled: a cron expression in a time zone. No I/O here.

The expression is read as Debian's cron reads it (cronsim): minute, hour, day of month, month,
day of week; when both day fields are restricted, either is enough. Where the clocks change:

- An expression that names hours (``0 3 * * *``, ``*/15 2 * * *``) means the clock on the wall.
  A time that the change leaves out comes at the first moment after the gap, a time that comes
  twice counts the first time: each exactly once. Several left-out times become one.
- An expression for every hour (``30 * * * *``) means time that passes: both of a doubled hour,
  none of a left-out one.

Debian's cron also takes ``*/15 2`` and ``0 */6`` for the second kind, and so leaves them out on
a day that has no 02:00. Times are seconds since the epoch, whatever clock hangs on the wall.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import attrs
from cronsim import CronSim, CronSimError

_FIELDS = 5
_EVERY_HOUR = frozenset({"*", "*/1"})
_LEADING_STAR = re.compile(r"^\*(?=/|$)")
# How far back to look for the latest time before a moment: an hour first, and in the end 30
# years, longer than the 28 between two 29ths of February on a Monday.
_LOOK_BACK_SECONDS = tuple(3600 * 8**power for power in range(7))


def _named_hours(expression: str) -> str:
    """Spell out the stars of minute and hour, for cronsim takes a star for "time that passes"."""
    minute, hour, *days = expression.split()
    if hour in _EVERY_HOUR:
        return expression
    minute = _LEADING_STAR.sub("0-59", minute)
    return " ".join([minute, _LEADING_STAR.sub("0-23", hour), *days])


def _check(schedule: Schedule, _: object, expression: str) -> None:
    found = len(expression.split())
    if found != _FIELDS:
        raise ValueError(
            f"expected a cron expression of 5 fields (minute hour day month weekday), "
            f"found {found} in {expression!r}"
        )
    try:
        upcoming = next(schedule.times_after(0.0), None)
    except CronSimError as error:
        reason = f"{error}".lower()
        raise ValueError(f"expected a cron expression, found {expression!r}: {reason}") from None
    if upcoming is None:
        raise ValueError(f"expected a cron expression, found {expression!r}, which never comes")


def _check_zone(_: object, __: object, name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # OSError: ZoneInfo opens a folder for "America" on some Pythons (bpo-41530).
        raise ValueError(f"expected an IANA time zone such as Asia/Tokyo, found {name!r}") from None


@attrs.frozen
class Schedule:
    """A cron expression in an IANA zone. Raises ValueError for one that is none or never comes."""

    zone: str = attrs.field(validator=_check_zone)
    expression: str = attrs.field(validator=_check)

    @classmethod
    def parse(cls, expression: str, zone: str | ZoneInfo) -> Schedule:
        """Read an expression and the name of a zone."""
        return cls(str(zone), " ".join(expression.split()))

    def times_after(self, moment_at: float) -> Iterator[float]:
        """Yield every scheduled time later than the moment, in order, each once."""
        moment = datetime.fromtimestamp(moment_at, timezone.utc).astimezone(ZoneInfo(self.zone))
        latest_at = moment_at
        for time in CronSim(_named_hours(self.expression), moment):
            time_at = time.timestamp()
            # Behind the change of a clock the same wall time, or the end of a gap, comes again.
            if time_at > latest_at:
                latest_at = time_at
                yield time_at

    def next_after(self, moment_at: float) -> float:
        """Return the first scheduled time later than the moment."""
        return next(self.times_after(moment_at))

    def latest_before(self, moment_at: float) -> float | None:
        """Return the last scheduled time at or before the moment; None in 30 years.

        It looks forward from some time before, so that it can never disagree with ``next_after``.
        """
        for seconds in _LOOK_BACK_SECONDS:
            latest_at = None
            for time_at in self.times_after(moment_at - seconds):
                if time_at > moment_at:
                    break
                latest_at = time_at
            if latest_at is not None:
                return latest_at
        return None
