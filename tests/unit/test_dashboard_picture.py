"""What the pictures of the dashboard say of numbers, and how their tables and lines are made."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from dashboard.drawing import charts, tables
from dashboard.drawing.canvas import Box, Canvas, cut
from dashboard.drawing.charts import Times
from dashboard.drawing.units import Look, written
from dashboard.view import Series

NOW = 1_700_000_000.0
BOX = Box(0, 0, 400, 300)


@pytest.mark.parametrize(
    ("number", "unit", "decimals", "words"),
    [
        (0, "short", 0, "0"),
        (3.06, "short", 0, "3"),
        (0.123456, "short", None, "0.123"),
        (1234, "short", None, "1234"),
        (0.25, "s", None, "250 ms"),
        (3.0567, "s", None, "3.06 s"),
        (90, "s", 0, "1.5 min"),
        (200_000, "s", None, "2.3 d"),
        (-204 * 1024, "bytes", None, "-204 KiB"),
        (512, "bytes", None, "512 B"),
        (1.5, "eps", None, "1.5 eps"),
        ((NOW + 7200) * 1000, "dateTimeFromNow", None, "in 2 h"),
        ((NOW - 30) * 1000, "dateTimeFromNow", None, "30 s ago"),
    ],
)
def test_numbers_have_their_units(
    number: float, unit: str, decimals: int | None, words: str
) -> None:
    """A number is as short as it can be read."""
    assert words == written(number, unit, decimals, NOW)


@pytest.mark.parametrize(
    ("most", "field", "scale"),
    [
        (0, {"unit": "short"}, [0, 0.5, 1]),
        (1, {"unit": "short", "decimals": 0}, [0, 1]),
        (7, {"unit": "short"}, [0, 2, 4, 6, 8]),
        (150 * 2**20, {"unit": "bytes"}, [0, 50 * 2**20, 100 * 2**20, 150 * 2**20]),
        (300, {"unit": "s"}, [0, 120, 240, 360]),
    ],
)
def test_scales_are_round(most: float, field: dict[str, Any], scale: list[float]) -> None:
    """The numbers at an axis are round in their unit, and reach as far as the data."""
    assert scale == Look(field=field, now=NOW).ticks(most)


def test_words_and_colors_of_numbers() -> None:
    """A number that has a word is shown by it; another has the colour of its threshold."""
    steps = [{"color": "green", "value": None}, {"color": "red", "value": 1}]
    word = {"type": "value", "options": {"20": {"text": "RUNNING", "color": "green", "index": 0}}}
    end = {"type": "range", "options": {"from": 1e13, "to": None, "result": {"text": "resumed"}}}
    field = {"unit": "short", "thresholds": {"steps": steps}, "mappings": [word, end]}
    look = Look(field=field, now=NOW)

    assert ["RUNNING", "21", "resumed"] == [look.text(each) for each in (20, 21, float("inf"))]
    assert look.color(0) == look.color(20) != look.color(2)


def test_words_are_cut_to_their_room() -> None:
    """What is too long ends in dots."""
    assert "ab" == cut("ab", 10, 100)
    assert "abc…" == cut("abcdefghijkl", 10, 24)


def test_table_makes_one_row_of_what_agrees() -> None:
    """Values of the same labels are in one row, and a label that only one brings as well."""
    organize = {
        "excludeByName": {"Value #B": True},
        "indexByName": {"instance": 0, "version": 1, "Value #A": 2, "Value #B": 3},
        "renameByName": {"Value #A": "Up", "version": "Version"},
    }
    panel = {"transformations": [{"options": organize}]}
    series = [
        Series(name="Up", labels={"instance": "a"}, points=((1, 1),)),
        Series(name="Up", labels={"instance": "b"}, points=((1, 0),)),
        Series(name="Value #B", labels={"instance": "a", "version": "4"}, points=((1, 1),)),
    ]
    canvas = Canvas(400, 300)
    look = Look(field={"thresholds": {"steps": [{"color": "text", "value": None}]}}, now=NOW)
    tables.table(canvas, BOX, panel, series, {"Up": look})

    assert ["instance", "a", "b", "Version", "4", "", "Up", "1", "0"] == _words(canvas)


def test_state_line_ends_where_its_series_does() -> None:
    """What was not seen is no state: a gap stays empty, and an end is not drawn out."""
    option = {"1": {"text": "up", "color": "green", "index": 0}}
    mappings = [{"type": "value", "options": option}]
    steps = [{"color": "red", "value": None}]
    defaults = {"mappings": mappings, "thresholds": {"steps": steps}}
    points = ((0, 1), (1, 1), (2, 0), (6, 1), (7, 1))
    times = Times(begins_at=0, ends_at=10, step_seconds=1)
    canvas = Canvas(400, 300)
    panel = {"fieldConfig": {"defaults": defaults}}
    charts.states(canvas, BOX, panel, [Series(name="p", labels={}, points=points)], times)

    hints = [each.text for each in _root(canvas).iter("{http://www.w3.org/2000/svg}title")]
    assert ["p: up", "p: 0", "p: up"] == hints


def _root(canvas: Canvas) -> ElementTree.Element:
    return ElementTree.fromstring(canvas.text())


def _words(canvas: Canvas) -> list[str]:
    return [each.text or "" for each in _root(canvas).iter("{http://www.w3.org/2000/svg}text")]
