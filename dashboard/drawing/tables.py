"""Panels about now: a number, a table, a ranking. No I/O here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dashboard.drawing.canvas import FAINT, INK, LINE, PAPER, Box, Canvas, cut, width_of
from dashboard.drawing.units import PALETTE, Look
from dashboard.view import Series

ROW_HEIGHT = 24.0
GAP = 18.0


def stat(canvas: Canvas, box: Box, panel: Any, series: Sequence[Series], look: Look) -> None:
    """Write one number, large; on its colour where the number is good or bad."""
    (number,) = series[0].numbers
    is_colored = panel["options"]["colorMode"] == "background"
    if is_colored:
        canvas.fill(box, look.color(number), rx="3")
    color = PAPER if is_colored else INK
    canvas.write(box.x + 10, box.y + 20, panel["title"], size=12, color=color, bold=True)
    middle = box.x + box.width / 2, box.y + box.height / 2 + 22
    canvas.write(*middle, look.text(number), size=34, color=color, anchor="middle", bold=True)


def table(
    canvas: Canvas, box: Box, panel: Any, series: Sequence[Series], looks: Mapping[str, Look]
) -> None:
    """Write a row for each set of labels, and a column for each query."""
    columns, rows = _merged(panel, series)
    rows = rows[: int((box.height - ROW_HEIGHT) / ROW_HEIGHT)]
    cells = [[_cell(row, column, looks) for column in columns] for row in rows]
    widths = [
        max(width_of(words, 11) for words in [column, *(line[index][0] for line in cells)])
        for index, column in enumerate(columns)
    ]
    spare = max(box.width - sum(widths) - GAP * len(widths), 0) / max(len(widths), 1)
    x = box.x + 8
    for index, (column, width) in enumerate(zip(columns, widths)):
        room = min(width + spare + GAP, box.right - x)
        canvas.write(x, box.y + 12, cut(column, 11, room), color=FAINT, bold=True)
        for number, line in enumerate(cells):
            words, color = line[index]
            y = box.y + 36 + number * ROW_HEIGHT
            canvas.write(x, y, cut(words, 11, room), color=color)
        x += room
    for number in range(len(cells)):
        y = box.y + 20 + number * ROW_HEIGHT
        canvas.line([(box.x, y), (box.right, y)], LINE, 1)


def _merged(panel: Any, series: Sequence[Series]) -> tuple[list[str], list[dict[str, Any]]]:
    """Do what Grafana's "merge" and "organize" do: one row of all that agree in their labels."""
    organize = panel["transformations"][-1]["options"]
    titles = {name: organize["renameByName"].get(name, name) for name in organize["indexByName"]}
    hidden = organize["excludeByName"]
    rows: list[dict[str, Any]] = []
    for each in series:
        found = [row for row in rows if _agree(row, each.labels) and each.name not in row]
        if not found:
            found = [{}]
            rows += found
        for row in found:
            row.update({**each.labels, each.name: each.numbers[-1]})
    rows = [{titles.get(name, name): value for name, value in row.items()} for row in rows]
    shown = [title for name, title in titles.items() if name not in hidden]
    columns = [title for title in shown if any(title in row for row in rows)]
    return columns, sorted(rows, key=lambda row: [str(row.get(each)) for each in columns[:5]])


def _agree(row: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    shared = [name for name in labels if name in row]
    return bool(shared) and all(row[name] == labels[name] for name in shared)


def _cell(row: Mapping[str, Any], column: str, looks: Mapping[str, Look]) -> tuple[str, str]:
    value = row.get(column)
    if value is None:
        return "", INK
    if isinstance(value, str):
        return value, PALETTE["blue"] if column == "instance" else INK
    look = looks[column]
    is_colored = "custom.cellOptions" in look.field
    return look.text(value), look.color(value) if is_colored else INK


def ranking(canvas: Canvas, box: Box, series: Sequence[Series], look: Look) -> None:
    """Draw a bar for each series, with its name and number."""
    room = max((width_of(each.name, 10) for each in series), default=0) + 12
    most = max((each.numbers[-1] for each in series), default=0) or 1
    place = box.within(left=room, right=76)
    height = min(place.height / max(len(series), 1), 22.0)
    for index, each in enumerate(series):
        number, y = each.numbers[-1], box.y + index * height
        bar = Box(place.x, y + 2, place.width, height - 4)
        canvas.fill(bar, "#eef0f1")
        width = bar.width * max(number, 0) / most
        canvas.fill(Box(bar.x, bar.y, width, bar.height), PALETTE["blue"])
        canvas.write(place.x - 8, y + height / 2 + 3.5, each.name, size=10, anchor="end")
        canvas.write(bar.right + 8, y + height / 2 + 3.5, look.text(number), size=10)
