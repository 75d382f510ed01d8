"""Figures as Markdown. No I/O here."""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen(kw_only=True)
class Table:
    """One table with its title, and a sentence that says how its figures were made."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the section: heading, sentence, table."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"## {self.title}\n\n{self.note}\n\n{table}\n"


def duration(seconds: float) -> str:
    """Write a duration, in seconds from ten on, else in milliseconds."""
    value = seconds * 1000
    if value >= 10_000:
        return f"{seconds:.0f} s"
    if value >= 100:
        return f"{value:.0f} ms"
    return f"{value:.1f} ms" if value >= 10 else f"{value:.2f} ms"


def megabytes(size: float) -> str:
    """Write a size in bytes."""
    return f"{size / 1e6:.1f} MB"


def times(ratio: float) -> str:
    """Write a ratio."""
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.2f}x"
