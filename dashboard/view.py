"""A Prometheus, asked as Grafana asks it for a time that is shown."""

from __future__ import annotations

import json
import math
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

import attrs

from dashboard.asking import Query, substituted

TIMEOUT_SECONDS = 30


@attrs.frozen(kw_only=True)
class Series:
    """The points of a series that can be drawn: seconds since the epoch, and a number."""

    name: str
    labels: Mapping[str, str]
    points: tuple[tuple[float, float], ...]

    @property
    def numbers(self) -> list[float]:
        """The numbers alone."""
        return [number for _, number in self.points]


@attrs.frozen(kw_only=True)
class View:
    """What is shown of the Prometheus at ``url``: everybody, from a time until another.

    Times are seconds since the epoch.
    """

    url: str
    begins_at: float
    ends_at: float
    step_seconds: float
    scrape_seconds: float
    chosen: Mapping[str, str] = {"job": ".+", "instance": ".+", "group": ".+"}

    def ask(self, query: Query) -> list[Series]:
        """Return the series that a query gives. Raises OSError."""
        if query.is_range:
            times = {"start": self.begins_at, "end": self.ends_at, "step": self.step_seconds}
            answer = self._get("query_range", query=self._written(query), **times)
            found = [(each["metric"], each["values"]) for each in answer["result"]]
        else:
            answer = self._get("query", query=self._written(query), time=self.ends_at)
            found = [(each["metric"], [each["value"]]) for each in answer["result"]]
        return [
            Series(name=query.name_of(labels), labels=labels, points=_drawable(values))
            for labels, values in found
        ]

    def label_values(self, query: Query) -> list[str]:
        """Return what a variable offers. Raises OSError."""
        selector = {"match[]": self._written(query)}
        return list(self._get(f"label/{query.label}/values", **selector))

    def _written(self, query: Query) -> str:
        return substituted(
            query.expression,
            self.chosen,
            seconds=self.ends_at - self.begins_at,
            step=self.step_seconds,
            scrape=self.scrape_seconds,
        )

    def _get(self, path: str, **parameters: Any) -> Any:
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310 - ours
            return json.load(response)["data"]


def _drawable(values: list[tuple[float, str]]) -> tuple[tuple[float, float], ...]:
    points = ((float(at), float(number)) for at, number in values)
    return tuple((at, number) for at, number in points if not math.isnan(number))
