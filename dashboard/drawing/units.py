"""Numbers as a panel shows them: units, words and colours. No I/O here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

# Grafana's, as hex; "text" is what is written in the colour of the text.
PALETTE = {
    "green": "#5aa454",
    "light-green": "#96d98d",
    "yellow": "#e0b400",
    "orange": "#ff780a",
    "red": "#e02f44",
    "dark-red": "#ad0317",
    "blue": "#3274d9",
    "light-blue": "#8ab8ff",
    "purple": "#a352cc",
    "text": "#6a7077",
    "transparent": "#f0f1f2",
}
_SPANS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"))
_BYTES = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
_SUFFIXES = {"eps": " eps", "wps": " wps", "ops": " ops/s"}
_MOST_DECIMALS = 3


@attrs.frozen(kw_only=True)
class Look:
    """How a field's numbers look: ``field`` is its part of ``fieldConfig``; ``now`` is the time."""

    field: Mapping[str, Any]
    now: float

    def text(self, number: float) -> str:
        """Return a number as it is read: a word, or with its unit."""
        mapped = self._mapped(number)
        if mapped is not None:
            return str(mapped["text"])
        return written(
            number, self.field.get("unit", "short"), self.field.get("decimals"), self.now
        )

    def color(self, number: float) -> str:
        """Return the colour of a number by its word, else by the thresholds."""
        mapped = self._mapped(number) or {}
        if "color" in mapped:
            return PALETTE[mapped["color"]]
        steps = self.field["thresholds"]["steps"]
        passed = [step for step in steps if step["value"] is None or step["value"] <= number]
        return PALETTE[passed[-1]["color"]]

    def ticks(self, most: float, count: int = 4) -> list[float]:
        """Return round numbers from 0 up to the first that is at least ``most``."""
        most = most or 1.0
        scales = {"s": _SPANS, "bytes": _BYTES}.get(self.field["unit"], ())
        scale = next((size for size, _ in scales if most >= 2 * size), 1.0)
        rough = most / scale / count
        if self.field.get("decimals") == 0:
            rough = max(rough, 1.0)
        size = 10.0 ** math.floor(math.log10(rough))
        step = scale * next(size * each for each in (1, 2, 5, 10) if size * each >= rough)
        return [step * index for index in range(math.ceil(most / step) + 1)]

    def words(self) -> list[tuple[str, str]]:
        """Return the words that numbers have, each with its colour."""
        return [
            (option["text"], PALETTE[option["color"]])
            for mapping in self._mappings("value")
            for option in mapping.values()
        ]

    def _mapped(self, number: float) -> Mapping[str, Any] | None:
        for option in self._mappings("value"):
            if f"{number:.0f}" in option and number == round(number):
                return dict(option[f"{number:.0f}"])
        for option in self._mappings("range"):
            if option["from"] <= number:
                return dict(option["result"])
        return None

    def _mappings(self, kind: str) -> Sequence[Mapping[str, Any]]:
        found = self.field.get("mappings", ())
        return [mapping["options"] for mapping in found if mapping["type"] == kind]


def written(number: float, unit: str, decimals: int | None, now: float) -> str:
    """Return a number with its unit, as short as it can be read."""
    if unit == "dateTimeFromNow":
        away = number / 1000 - now
        span = _scaled(abs(away), 0, _SPANS, "s")
        return f"in {span}" if away > 0 else f"{span} ago"
    if unit == "s":
        small = 0 < abs(number) < 1 and not decimals
        return f"{_plain(number * 1000)} ms" if small else _scaled(number, decimals, _SPANS, "s")
    if unit == "bytes":
        return _scaled(number, decimals, _BYTES, "B")
    return _plain(number, decimals) + _SUFFIXES.get(unit, "")


def _scaled(
    number: float, decimals: int | None, scales: Sequence[tuple[float, str]], least: str
) -> str:
    for size, name in scales:
        if abs(number) >= size:
            return f"{_plain(number / size, 1)} {name}"
    return f"{_plain(number, decimals)} {least}"


def _plain(number: float, decimals: int | None = None) -> str:
    if decimals is None:
        digits = math.floor(math.log10(abs(number))) if number else 0
        decimals = min(max(2 - digits, 0), _MOST_DECIMALS)
    text = f"{number:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
