"""Tables for people, by rich: colours in a terminal, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Wide enough for every table of ours when the output is a file or a pipe.
PLAIN_WIDTH = 160

# What is read at a glance, and nonsense when it is cut; the rest wraps.
_UNBROKEN = frozenset({"process", "state", "run", "plan", "began", "report", "result"})

STATE_STYLES = {
    "RUNNING": "green",
    "STARTING": "yellow",
    "STOPPING": "yellow",
    "BACKOFF": "red",
    "FATAL": "bold red",
    "UNKNOWN": "red",
}


def console() -> Console:
    """Return a console on stdout; it never wraps or colours what a program reads."""
    plain = Console()
    return plain if plain.is_terminal else Console(width=PLAIN_WIDTH)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> Table:
    """Build a table of text; a cell that is a process state has the state's colour.

    Cells are shown as they are: a name with brackets is no markup.
    """
    made = Table(
        title=title or None, box=SIMPLE_HEAD, title_justify="left", pad_edge=False, expand=False
    )
    for header in headers:
        made.add_column(header, no_wrap=header in _UNBROKEN)
    for row in rows:
        made.add_row(*(Text(cell, style=STATE_STYLES.get(cell, "")) for cell in row))
    return made
