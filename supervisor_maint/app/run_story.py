"""The story of a run: what happened, line by line, for people. No I/O here."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

# A run of 1000 processes has some 4000 lines; what is longer loses its beginning.
MOST_LINES = 10_000


@attrs.frozen(kw_only=True)
class Line:
    """A line of a run's story, counted from 0: when, what, and of which process, as people say."""

    number: int
    at: float
    text: str
    process: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Return it JSON-able. attrs.asdict would take 8 times as long."""
        return {
            "number": self.number,
            "at": self.at,
            "text": self.text,
            "process": self.process,
        }


@attrs.define
class Story:
    """The lines of one run, the oldest first; the numbers go on where lines were lost."""

    _lines: deque[Line] = attrs.field(factory=lambda: deque(maxlen=MOST_LINES))
    _number: int = 0

    def add(self, at: float, text: str, process: str | None = None) -> None:
        """Add a line; ``at`` is in seconds since the epoch."""
        self._lines.append(Line(number=self._number, at=at, text=text, process=process))
        self._number += 1

    @property
    def count(self) -> int:
        """How many lines there were, also those that it has lost."""
        return self._number

    def newest(self, count: int = MOST_LINES) -> tuple[Line, ...]:
        """Return the newest lines, the oldest of them first."""
        first = max(0, len(self._lines) - count)
        return tuple(itertools.islice(self._lines, first, None))

    def to_document(self, newest: int = MOST_LINES) -> list[dict[str, Any]]:
        """Return the newest lines JSON-able."""
        return [line.to_document() for line in self.newest(newest)]

    @classmethod
    def restore(cls, document: Iterable[Mapping[str, Any]]) -> Story:
        """Read what ``to_document`` wrote. Raises TypeError or KeyError for nonsense."""
        story = cls()
        for line in document:
            story.add(line["at"], line["text"], line["process"])
        return story
