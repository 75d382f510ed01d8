"""Tables and sentences for people, by rich: colours in a terminal, plain text elsewhere."""

from __future__ import annotations

import contextlib
import os
import textwrap
from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

# Wide enough for every table of ours when the output is a file or a pipe.
PLAIN_WIDTH = 160

# What is read at a glance, and nonsense when it is cut; the rest wraps.
_UNBROKEN = frozenset({"process", "state", "run", "plan", "began", "report", "snapshot", "result"})

# What says why the row is as it is; the name of the column would only be in the way.
_EXPLAINING = frozenset({"reason", "detail", "differences"})

# A cell that wraps is no pleasure to read when it is narrower.
_NARROWEST = 30
_GAP = "   "
_INDENT = 4

STATE_STYLES = {
    "RUNNING": "green",
    "STARTING": "yellow",
    "STOPPING": "yellow",
    "BACKOFF": "red",
    "FATAL": "bold red",
    "UNKNOWN": "red",
}


def console() -> Console:
    """Return a console on stdout; what a program reads is wide, unless COLUMNS says otherwise."""
    plain = Console()
    is_width_told = plain.is_terminal or os.environ.get("COLUMNS", "").isdigit()
    return plain if is_width_told else Console(width=PLAIN_WIDTH)


def say(out: Console, sentence: str, *, style: str = "") -> None:
    """Print a sentence; in a terminal it is wrapped, and its further lines are indented."""
    if out.is_terminal:
        sentence = textwrap.fill(
            sentence,
            out.width,
            subsequent_indent=" " * _INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
    out.print(sentence, style=style, markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def told(out: Console, sentences: Iterable[str], *, rows: int) -> Iterator[None]:
    """Print sentences above what is printed meanwhile; below it when its rows fill a terminal."""
    is_long = out.is_terminal and rows >= out.height
    above, below = ((), sentences) if is_long else (sentences, ())
    for sentence in above:
        say(out, sentence)
    yield
    for sentence in below:
        say(out, sentence)


def show(out: Console, headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; in a narrow console the columns that have no room stand below each row."""
    cells = [tuple(row) for row in rows]
    if _needed_width(out, headers, cells) <= out.width:
        out.print(table(headers, cells))
    else:
        _show_folded(out, headers, cells)


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
        made.add_row(*(_cell(cell) for cell in row))
    return made


def _cell(text: str) -> Text:
    return Text(text, style=STATE_STYLES.get(text, ""))


def _needed_width(out: Console, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Tell how wide a table must be, when its last column may wrap."""
    wrapped = [(*row[:-1], row[-1][:_NARROWEST]) for row in rows]
    unlimited = out.options.update(max_width=sum(map(len, headers)) + sum(_widths(rows)) + 99)
    return Measurement.get(out, unlimited, table(headers, wrapped)).maximum


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*rows)]


def _show_folded(out: Console, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = _widths([headers, *rows])
    kept = _columns_that_fit(headers, widths, out.width)
    for number, row in enumerate([headers, *rows]):
        is_head = number == 0
        line = Text(_GAP).join(_padded(row[column], widths[column]) for column in kept)
        line.rstrip()
        out.print(line, style="bold" if is_head else "", soft_wrap=True)
        below = [(headers[column], row[column]) for column in range(len(row)) if column not in kept]
        for paragraph in [] if is_head else _paragraphs(below):
            out.print(Padding(Text(paragraph), (0, 0, 0, _INDENT), expand=False))
    out.print()


def _columns_that_fit(headers: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """Choose columns, the first always: first those that are read at a glance, then others."""
    kept: list[int] = []
    for column in sorted(range(len(headers)), key=lambda each: headers[each] not in _UNBROKEN):
        taken = sum(widths[each] + len(_GAP) for each in kept)
        if not kept or taken + widths[column] <= room:
            kept.append(column)
    return sorted(kept)


def _padded(cell: str, width: int) -> Text:
    return Text(set_cell_size(cell, width), style=STATE_STYLES.get(cell, ""))


def _paragraphs(cells: Collection[tuple[str, str]]) -> Iterable[str]:
    """Put short cells into one line with their headers, and give each long one its own.

    What explains a row speaks for itself.
    """
    known = [(header, cell) for header, cell in cells if cell not in ("", "-")]
    short = [f"{header} {cell}" for header, cell in known if len(cell) <= _NARROWEST]
    if short:
        yield ", ".join(short)
    for header, cell in known:
        if len(cell) > _NARROWEST:
            yield cell if header in _EXPLAINING else f"{header} {cell}"
