"""The verdict on the health of a supervisord, and the line that says it. No I/O here.

The same line is printed by the command and served at ``/health``, so that whoever may not read
the listener's state can ask the page and print what it says.
"""

from __future__ import annotations

import enum
import re

import attrs

from supervisor_maint.processes import Namespec

OK_STATUS, UNAVAILABLE_STATUS = 200, 503
_LINE = re.compile(r"SUPERVISOR (OK|WARNING|CRITICAL|UNKNOWN) - .+")
_MEASURES = " | "


class Level(enum.IntEnum):
    """How bad it is, with the exit codes of Nagios' plug-ins.

    Source: https://nagios-plugins.org/doc/guidelines.html
    """

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@attrs.frozen(kw_only=True)
class Verdict:
    """What to make of it all. ``down`` holds every process that is wanted and not up.

    ``wanted`` counts the processes that should be up, None when supervisord did not tell;
    ``planned`` those of ``down`` that a run took away. ``retry_after_seconds`` is how long it may
    stay so when all of it is planned.
    """

    level: Level
    sentence: str
    wanted: int | None = None
    down: tuple[Namespec, ...] = ()
    planned: int = 0
    retry_after_seconds: int | None = None

    @property
    def is_planned(self) -> bool:
        """Tell whether nothing is wrong but what a run does within its deadline."""
        return self.retry_after_seconds is not None

    @property
    def passes(self) -> bool:
        """Tell whether a probe passes: all is well, or as planned."""
        return self.level is Level.OK or self.is_planned

    def http_status(self, *, strict: bool) -> int:
        """Return what ``/health`` answers; a ``strict`` one passes only when all is well."""
        is_good = self.level is Level.OK if strict else self.passes
        return OK_STATUS if is_good else UNAVAILABLE_STATUS

    def line(self, seconds: float) -> str:
        """Write one line with Nagios' performance data; ``seconds`` is how long it took to tell.

        ``LABEL=VALUE;WARN;CRIT;MIN`` stands behind the first bar, so no other bar may be there.
        """
        measures = [f"time={seconds:.3f}s;;;0"]
        if self.wanted is not None:
            counts = (f"wanted={self.wanted};;;0", f"down={len(self.down)};;0;0")
            measures[:0] = [*counts, f"planned={self.planned};;;0"]
        sentence = " ".join(self.sentence.replace("|", "/").split())
        return f"SUPERVISOR {self.level.name} - {sentence}{_MEASURES}{' '.join(measures)}"


@attrs.frozen
class Answer:
    """A verdict as it is told: its level, its line, and whether a probe passes."""

    level: Level
    line: str
    passes: bool

    @classmethod
    def of(cls, verdict: Verdict, seconds: float) -> Answer:
        """Tell a verdict that took so long."""
        return cls(verdict.level, verdict.line(seconds), verdict.passes)

    @classmethod
    def from_page(cls, status: int, body: str) -> Answer:
        """Read what ``/health`` answered. Raises ValueError when that was not our page."""
        first = body.partition("\n")[0].strip()
        match = _LINE.fullmatch(first)
        if match is None or status not in (OK_STATUS, UNAVAILABLE_STATUS):
            found = first[:80] or "nothing"
            raise ValueError(
                f"expected a line that begins with SUPERVISOR, found HTTP {status}: {found!r}"
            )
        return cls(Level[match[1]], first, status == OK_STATUS)

    @property
    def sentence(self) -> str:
        """The line without its performance data."""
        return self.line.partition(_MEASURES)[0]


def unknown(sentence: str) -> Verdict:
    """Return the verdict of who could not find out, and why."""
    return Verdict(level=Level.UNKNOWN, sentence=sentence)
