"""Tables and sentences as people see them, in terminals of any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from supervisor_maint.cli import tables

HEADERS = ("run", "plan", "began", "by", "result", "took", "reason")
REASON = "api: it is FATAL: Exited too quickly (process log may have details)"
ROWS = [
    ("a1", "nightly", "2026-11-29 04:06:40 JST", "operator@web01", "failed", "1m 4s", REASON),
    ("a2", "weekly-database-cleanup", "2026-11-30 04:06:40 JST", "kim", "succeeded", "9s", ""),
]


def shown(
    width: int, *, is_terminal: bool = False, height: int = 25
) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    out = Console(
        file=written, width=width, height=height, force_terminal=is_terminal, color_system=None
    )
    return out, written


def lines(width: int, rows: list[tuple[str, ...]] = ROWS) -> list[str]:
    out, written = shown(width)
    tables.show(out, HEADERS, rows)
    return [line.rstrip() for line in written.getvalue().splitlines() if line.strip()]


def test_table_that_fits_is_a_table() -> None:
    """Where there is room each row is a line, and the last column may wrap in its place."""
    assert [True] * 2 == [REASON in line or "weekly" in line for line in lines(200)[2:]]
    assert len(lines(140)) > len(lines(200))


def test_what_has_no_room_stands_below_its_row() -> None:
    """In 80 columns nothing is cut: short cells share a line, a long one has its own."""
    assert [
        "run   plan                      began                     result      took",
        "a1    nightly                   2026-11-29 04:06:40 JST   failed      1m 4s",
        "    by operator@web01",
        f"    {REASON}",
        "a2    weekly-database-cleanup   2026-11-30 04:06:40 JST   succeeded   9s",
        "    by kim",
    ] == lines(80)


@pytest.mark.parametrize("width", [40, 80, 120, 300])
def test_nothing_is_lost_in_any_width(width: int) -> None:
    """Every cell can be read, however narrow the terminal."""
    text = " ".join(" ".join(lines(width)).split())

    assert [] == [cell for row in ROWS for cell in row if cell and cell not in text]


def test_table_without_rows_fits() -> None:
    """Its head alone is shown."""
    assert lines(80, [])[0].split() == list(HEADERS)


@pytest.mark.parametrize(("columns", "width"), [("100", 100), ("", 160), ("wide", 160)])
def test_width_of_what_is_no_terminal(
    columns: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe is as wide as COLUMNS says, else as wide as every table of ours."""
    monkeypatch.setenv("COLUMNS", columns)

    assert width == tables.console().width


@pytest.mark.parametrize(
    ("is_terminal", "expected"),
    [(False, "api failed: no such table\n"), (True, "api failed: no\n    such table\n")],
)
def test_sentence_is_wrapped_in_a_terminal_only(is_terminal: bool, expected: str) -> None:
    """Its further lines are indented; a program reads one line."""
    out, written = shown(16, is_terminal=is_terminal)

    tables.say(out, "api failed: no such table")

    assert expected == written.getvalue()


@pytest.mark.parametrize(
    ("is_terminal", "height", "expected"),
    [(True, 25, "told table"), (True, 2, "table told"), (False, 2, "told table")],
)
def test_sentence_is_where_it_is_seen(is_terminal: bool, height: int, expected: str) -> None:
    """It stands above a table, and below one that fills the terminal."""
    out, written = shown(80, is_terminal=is_terminal, height=height)

    with tables.told(out, ["told"], rows=2):
        out.print("table")

    assert expected == " ".join(written.getvalue().split())


def test_long_cell_that_explains_nothing_has_its_name() -> None:
    """Who asked is told from why it failed."""
    by = "an.operator.with.a.long.name@a-host-with-a-long-name.example"
    row = ("a1", "nightly", "2026-11-29 04:06:40 JST", by, "failed", "1m 4s", REASON)

    assert [f"    by {by}", f"    {REASON}"] == lines(80, [row])[2:]
