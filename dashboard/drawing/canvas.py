"""Shapes and words on an SVG. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

import attrs

FONT = "Inter, Helvetica, Arial, sans-serif"
INK, FAINT, LINE, PAPER, BACKGROUND = "#24292e", "#6a7077", "#e4e7e7", "#ffffff", "#f4f5f5"
# How wide a letter is for the font's height, about.
_SMALL, _CAPITAL = 0.56, 0.7


@attrs.frozen
class Box:
    """A place on the canvas, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    def within(
        self, *, left: float = 0, top: float = 0, right: float = 0, bottom: float = 0
    ) -> Box:
        """Return what is left when so much is taken from each side."""
        width, height = self.width - left - right, self.height - top - bottom
        return Box(self.x + left, self.y + top, width, height)


class Canvas:
    """An SVG that is drawn from back to front."""

    def __init__(self, width: float, height: float) -> None:
        self._root = ElementTree.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "viewBox": f"0 0 {_n(width)} {_n(height)}",
                "font-family": FONT,
            },
        )
        self.fill(Box(0, 0, width, height), BACKGROUND)

    def fill(
        self, box: Box, color: str, *, opacity: float = 1, hint: str = "", **more: str
    ) -> None:
        """Draw a filled rectangle; a viewer shows ``hint`` when it is pointed at."""
        if box.width <= 0 or box.height <= 0:
            return
        size = {"width": _n(box.width), "height": _n(box.height)}
        drawn = self._add("rect", x=_n(box.x), y=_n(box.y), **size, fill=color, **more)
        _see_through(drawn, "fill-opacity", opacity)
        if hint:
            ElementTree.SubElement(drawn, "title").text = hint

    def frame(self, box: Box) -> None:
        """Draw the sheet of a panel."""
        self.fill(box, PAPER, stroke=LINE, rx="3")

    def line(self, points: Iterable[tuple[float, float]], color: str, width: float = 1.2) -> None:
        """Draw a line through points."""
        shape = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._add("polyline", points=shape, fill="none", stroke=color, stroke_width=_n(width))

    def area(self, points: Iterable[tuple[float, float]], color: str, opacity: float) -> None:
        """Draw a filled shape."""
        shape = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        _see_through(self._add("polygon", points=shape, fill=color), "fill-opacity", opacity)

    def write(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 11,
        color: str = INK,
        anchor: str = "start",
        bold: bool = False,
        room: float = 0,
    ) -> None:
        """Write words on a base line, cut to ``room`` if there is one."""
        more = {"font_weight": "600"} if bold else {}
        if anchor != "start":
            more["text_anchor"] = anchor
        drawn = self._add("text", x=_n(x), y=_n(y), font_size=_n(size), fill=color, **more)
        drawn.text = cut(words, size, room) if room else words

    def text(self) -> str:
        """Return the SVG."""
        ElementTree.indent(self._root, " ")
        return ElementTree.tostring(self._root, encoding="unicode") + "\n"

    def _add(self, kind: str, **attributes: str) -> ElementTree.Element:
        named = {name.replace("_", "-"): value for name, value in attributes.items()}
        return ElementTree.SubElement(self._root, kind, named)


def width_of(words: str, size: float) -> float:
    """Return about how wide words are."""
    return size * sum(_CAPITAL if letter.isupper() else _SMALL for letter in words)


def cut(words: str, size: float, room: float) -> str:
    """Return words, shortened to what fits."""
    if width_of(words, size) <= room:
        return words
    letters = int(room / (size * _SMALL))
    return words[: max(letters - 1, 0)] + "…"


def _see_through(element: ElementTree.Element, name: str, opacity: float) -> None:
    if opacity < 1:
        element.set(name, _n(opacity))


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
