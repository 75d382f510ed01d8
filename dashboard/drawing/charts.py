"""Panels over time: lines, areas and bars, and states. No I/O here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

import attrs

from dashboard.drawing.canvas import FAINT, LINE, Box, Canvas, width_of
from dashboard.drawing.units import PALETTE, Look
from dashboard.view import Series

# Grafana's "classic" palette.
CLASSIC = (
    *("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0"),
    *("#508642", "#cca300", "#447ebc", "#c15c17", "#890f02", "#0a437c", "#6d1f62", "#584477"),
)
LEGEND_HEIGHT, LEGEND_LINES = 16.0, 2
AXIS_WIDTH, AXIS_HEIGHT = 52.0, 18.0
PIXELS_A_LABEL = 110.0

Layer = list[tuple[float, float, float]]  # a time, and from where to where


@attrs.frozen(kw_only=True)
class Mark:
    """What an annotation found: spans for numbers, or moments that are the numbers."""

    color: str
    series: Series
    is_moment: bool


@attrs.frozen(kw_only=True)
class Times:
    """The time that is shown, its steps, and what is marked in it."""

    begins_at: float
    ends_at: float
    step_seconds: float
    marks: Sequence[Mark] = ()

    def share(self, at: float) -> float:
        """Return how much of the time is over at a moment, from 0 to 1."""
        return min(max((at - self.begins_at) / (self.ends_at - self.begins_at), 0.0), 1.0)

    def unbroken(self, layer: Layer) -> Iterator[Layer]:
        """Yield the parts of a series between which something is missing."""
        run: Layer = []
        for point in layer:
            if run and point[0] - run[-1][0] > 1.5 * self.step_seconds:
                yield run
                run = []
            run.append(point)
        if run:
            yield run


@attrs.frozen(kw_only=True)
class Plot:
    """Where lines are drawn, and up to which number."""

    canvas: Canvas
    place: Box
    times: Times
    most: float = 1.0

    def x(self, at: float) -> float:
        """Return where a moment is."""
        return self.place.x + self.place.width * self.times.share(at)

    def y(self, number: float) -> float:
        """Return where a number is."""
        return self.place.bottom - self.place.height * number / self.most

    def axes(self, labels: Sequence[tuple[float, str]] = ()) -> None:
        """Draw a line for each number, and write the time below."""
        place = self.place
        for number, words in labels:
            y = self.y(number)
            self.canvas.line([(place.x, y), (place.right, y)], LINE, 1)
            self.canvas.write(place.x - 6, y + 3.5, words, size=10, color=FAINT, anchor="end")
        count = max(int(place.width / PIXELS_A_LABEL), 1) + 1
        for index in range(count):
            share = (index + 0.5) / count
            at = self.times.begins_at + (self.times.ends_at - self.times.begins_at) * share
            clock = datetime.fromtimestamp(at, timezone.utc).strftime("%H:%M:%S")
            x, y = place.x + place.width * share, place.bottom + 14
            self.canvas.write(x, y, clock, size=10, color=FAINT, anchor="middle")

    def marks(self) -> None:
        """Draw the annotations."""
        for mark in self.times.marks:
            color = PALETTE[mark.color]
            if mark.is_moment:
                self._moments({number / 1000 for number in mark.series.numbers}, color)
                continue
            for run in self.times.unbroken([(at, 0.0, 0.0) for at, _ in mark.series.points]):
                left, right = self.x(run[0][0]), self.x(run[-1][0])
                span = Box(left, self.place.y, max(right - left, 1), self.place.height)
                self.canvas.fill(span, color, opacity=0.14)

    def _moments(self, moments: set[float], color: str) -> None:
        for at in sorted(moments):
            if self.times.begins_at <= at <= self.times.ends_at:
                ends = [(self.x(at), self.place.y), (self.x(at), self.place.bottom)]
                self.canvas.line(ends, color, 1)

    def line(self, layer: Layer, color: str, opacity: float) -> None:
        """Draw what a series covers, with its upper edge."""
        for run in self.times.unbroken(layer):
            tops = [(self.x(at), self.y(top)) for at, _, top in run]
            bottoms = [(self.x(at), self.y(bottom)) for at, bottom, _ in reversed(run)]
            if opacity:
                self.canvas.area([*tops, *bottoms], color, opacity)
            self.canvas.line(tops, color)

    def bars(self, layer: Layer, color: str) -> None:
        """Draw a bar for each step."""
        width = self.place.width * self.times.share(self.times.begins_at + self.times.step_seconds)
        for at, bottom, top in layer:
            left = max(self.x(at) - width, self.place.x)
            bar = Box(left + 1, self.y(top), width - 2, self.y(bottom) - self.y(top))
            self.canvas.fill(bar, color)

    def spans(self, series: Series, look: Look, line: Box) -> None:
        """Draw a series as one line that has the colour of its number."""
        for begins, ends, number in _lasting(series, self.times):
            left, right = self.x(begins), self.x(ends)
            span = Box(left, line.y, right - left, line.height)
            self.canvas.fill(span, look.color(number), hint=f"{series.name}: {look.text(number)}")


def graph(canvas: Canvas, box: Box, panel: Any, series: Sequence[Series], times: Times) -> None:
    """Draw lines, areas or bars over time, with their legend."""
    field = panel["fieldConfig"]
    look = Look(field=field["defaults"], now=times.ends_at)
    custom = field["defaults"]["custom"]
    colors = _colors(series, field["overrides"])
    used = legend(canvas, box, list(zip((each.name for each in series), colors)))
    layers = list(_layers(series, is_stacked="stacking" in custom))
    scale = look.ticks(max((top for layer in layers for _, _, top in layer), default=0.0))
    plot = Plot(
        canvas=canvas,
        place=box.within(left=AXIS_WIDTH, top=4, right=6, bottom=used + AXIS_HEIGHT),
        times=times,
        most=scale[-1],
    )
    plot.axes([(number, look.text(number)) for number in scale])
    plot.marks()
    for layer, color in zip(layers, colors):
        if all(bottom == top for _, bottom, top in layer):
            continue  # nothing of it is seen
        if custom.get("drawStyle") == "bars":
            plot.bars(layer, color)
        else:
            plot.line(layer, color, custom["fillOpacity"] / 100)


def states(canvas: Canvas, box: Box, panel: Any, series: Sequence[Series], times: Times) -> None:
    """Draw a line for each series that changes its colour with its state."""
    look = Look(field=panel["fieldConfig"]["defaults"], now=times.ends_at)
    used = legend(canvas, box, look.words())
    room = max((width_of(each.name, 10) for each in series), default=0) + 14
    place = box.within(left=room, top=2, right=6, bottom=used + AXIS_HEIGHT)
    plot = Plot(canvas=canvas, place=place, times=times)
    plot.axes()
    height = place.height / max(len(series), 1)
    for index, each in enumerate(series):
        line = Box(place.x, place.y + (index + 0.1) * height, place.width, height * 0.8)
        middle = line.y + line.height / 2 + 3.5
        canvas.write(place.x - 8, middle, each.name, size=10, anchor="end")
        plot.spans(each, look, line)


def _colors(series: Sequence[Series], overrides: Sequence[Any]) -> list[str]:
    """Return the colour of each series: its own, else the next of Grafana's palette."""
    own = {
        each["matcher"]["options"]: PALETTE[part["value"]["fixedColor"]]
        for each in overrides
        for part in each["properties"]
        if part["id"] == "color"
    }
    return [own.get(each.name, CLASSIC[index % len(CLASSIC)]) for index, each in enumerate(series)]


def _layers(series: Sequence[Series], *, is_stacked: bool) -> Iterator[Layer]:
    """Yield each series as what it covers: from 0, or from the one below it."""
    below: dict[float, float] = {}
    for each in series:
        layer = []
        for at, number in each.points:
            bottom = below.get(at, 0.0) if is_stacked else 0.0
            below[at] = bottom + number
            layer.append((at, bottom, bottom + number))
        yield layer


def _lasting(series: Series, times: Times) -> Iterator[tuple[float, float, float]]:
    """Yield from when to when a series had each of its numbers."""
    for run in times.unbroken([(at, number, number) for at, number in series.points]):
        begins_at, last = run[0][0], run[0][1]
        for at, number, _ in run:
            if number != last:
                yield begins_at, at, last
                begins_at, last = at, number
        yield begins_at, run[-1][0] + times.step_seconds, last


def legend(canvas: Canvas, box: Box, entries: Sequence[tuple[str, str]]) -> float:
    """Write names with their colours at the lower edge, and return how high that is."""
    lines: list[list[tuple[float, str, str]]] = [[]]
    x = 0.0
    for name, color in entries:
        width = width_of(name, 10) + 26
        if lines[-1] and x + width > box.width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, name, color))
        x += width
    shown = lines[:LEGEND_LINES]
    for index, line in enumerate(shown):
        y = box.bottom - LEGEND_HEIGHT * (len(shown) - index - 1) - 4
        for left, name, color in line:
            canvas.fill(Box(box.x + left, y - 4, 12, 3), color)
            canvas.write(box.x + left + 16, y, name, size=10, color=FAINT)
    return LEGEND_HEIGHT * len(shown)
