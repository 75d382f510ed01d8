"""A supervisord whose hours begin when the test says so: the file ``hour`` holds their number."""

from pathlib import Path

from supervisor import supervisord

HOUR = Path("hour").absolute()
HOUR_SECONDS = 3600

timeslice = supervisord.timeslice


def told_timeslice(period: int, when: float) -> int:
    """Return the hour that the test has begun, and any other period as it is."""
    if period != HOUR_SECONDS:
        return int(timeslice(period, when))
    return HOUR_SECONDS * int(HOUR.read_text() if HOUR.exists() else 0)


supervisord.timeslice = told_timeslice
supervisord.main()
