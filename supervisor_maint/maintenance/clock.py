"""How time is compared in a run. No I/O here.

A run outlives listeners, and a clock may be set back while none is there. A moment that lies in
the future is therefore taken for long ago: what waits for it goes on, and a deadline that is
counted from it is over, which is the safe side.
"""

from __future__ import annotations

# A clock that is being slewed, or read by two threads, may be this much behind itself.
SLACK_SECONDS = 1.0


def passed(since_at: float, now: float, seconds: float) -> bool:
    """Tell whether so many seconds have passed since a moment."""
    return now >= since_at + seconds or now < since_at - SLACK_SECONDS
