"""The dashboard's panels, asked of a Prometheus and drawn: one SVG for each row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from dashboard import asking
from dashboard.content import FILE
from dashboard.drawing import charts, tables
from dashboard.drawing.canvas import FAINT, Box, Canvas
from dashboard.drawing.charts import Mark, Times
from dashboard.drawing.units import Look
from dashboard.model import COLUMNS
from dashboard.view import Series, View

WIDTH, UNIT, GAP = 1440.0, 36.0, 8.0
HEADING, FOOTING = 34.0, 22.0
BARS_A_PICTURE = 24
NOTE = "Not Grafana: drawn from a Prometheus, with the dashboard's own queries."


def draw(view: View, folder: Path) -> None:
    """Draw each row into a file of the folder, named after the row."""
    dashboard = json.loads(FILE.read_text(encoding="utf-8"))
    folder.mkdir(exist_ok=True)
    marks = list(_marks(dashboard, view))
    for title, panels in _rows(dashboard):
        name = title.replace("$", "").lower().replace(" ", "-")
        (folder / f"{name}.svg").write_text(_row(title, panels, view, marks), encoding="utf-8")


def _rows(dashboard: Any) -> Iterator[tuple[str, list[Any]]]:
    title, panels = "", []
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            panels.append(panel)
            continue
        if panels:
            yield title, panels
        title, panels = panel["title"], []
    yield title, panels


def _row(title: str, panels: Sequence[Any], view: View, marks: Sequence[Mark]) -> str:
    top = min(panel["gridPos"]["y"] for panel in panels)
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) - top
    canvas = Canvas(WIDTH, HEADING + height * UNIT + FOOTING)
    canvas.write(GAP, 22, title.replace("$instance", "all instances"), size=16, bold=True)
    for panel in panels:
        _panel(canvas, _place(panel["gridPos"], top), panel, view, marks)
    canvas.write(GAP, HEADING + height * UNIT + 14, NOTE, color=FAINT)
    return canvas.text()


def _place(grid: Any, top: int) -> Box:
    column = (WIDTH - GAP) / COLUMNS
    return Box(
        GAP + grid["x"] * column,
        HEADING + (grid["y"] - top) * UNIT,
        grid["w"] * column - GAP,
        grid["h"] * UNIT - GAP,
    )


def _panel(canvas: Canvas, box: Box, panel: Any, view: View, marks: Sequence[Mark]) -> None:
    canvas.frame(box)
    if "interval" in panel:
        step = (view.ends_at - view.begins_at) / BARS_A_PICTURE
        view = attrs.evolve(view, step_seconds=max(step, view.step_seconds))
    asked = [each for query in asking.queries_of(panel) for each in view.ask(query)]
    series = [each for each in asked if each.points]
    if panel["type"] == "stat" and series:
        look = Look(field=panel["fieldConfig"]["defaults"], now=view.ends_at)
        tables.stat(canvas, box, panel, series, look)
        return
    canvas.write(box.x + 10, box.y + 20, panel["title"], size=12, bold=True)
    if not series:
        middle = box.x + box.width / 2, box.y + box.height / 2
        canvas.write(*middle, "No data", size=14, color=FAINT, anchor="middle")
        return
    times = Times(
        begins_at=view.begins_at,
        ends_at=view.ends_at,
        step_seconds=view.step_seconds,
        marks=marks,
    )
    _inside(canvas, box.within(left=10, top=32, right=10, bottom=8), panel, series, times)


def _inside(canvas: Canvas, box: Box, panel: Any, series: Sequence[Series], times: Times) -> None:
    if panel["type"] == "timeseries":
        charts.graph(canvas, box, panel, series, times)
    elif panel["type"] == "state-timeline":
        charts.states(canvas, box, panel, series, times)
    elif panel["type"] == "bargauge":
        look = Look(field=panel["fieldConfig"]["defaults"], now=times.ends_at)
        tables.ranking(canvas, box, series, look)
    else:
        tables.table(canvas, box, panel, series, _looks(panel, times.ends_at))


def _looks(panel: Any, now: float) -> dict[str, Look]:
    """Return how each column of a table looks."""
    return {
        each["matcher"]["options"]: Look(
            field={part["id"]: part["value"] for part in each["properties"]}, now=now
        )
        for each in panel["fieldConfig"]["overrides"]
    }


def _marks(dashboard: Any, view: View) -> Iterator[Mark]:
    listed = dashboard["annotations"]["list"]
    for each, query in zip(listed, asking.annotations(dashboard)):
        is_moment = "useValueForTime" in each
        for series in view.ask(query):
            yield Mark(color=each["iconColor"], series=series, is_moment=is_moment)
