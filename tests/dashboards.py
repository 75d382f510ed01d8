"""A Grafana dashboard's queries, and what Grafana makes of them before it asks Prometheus.

Only what ours uses: Prometheus queries of panels and annotations, and ``label_values``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

FILE = Path(__file__).resolve().parents[1] / "conf.d" / "grafana" / "supervisor-maint.json"

_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")
_VARIABLE = re.compile(r"\$(\w+)")


@attrs.frozen(kw_only=True)
class Query:
    """What a panel, an annotation or a variable asks; ``place`` says where it stands."""

    place: str
    expression: str
    is_range: bool = True
    legend: str = ""
    label: str = ""

    def __str__(self) -> str:
        return self.place


def load() -> dict[str, Any]:
    """Read the file that is deployed."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels, without the headings of the rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def titled(dashboard: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return the panel with a title."""
    (panel,) = (panel for panel in panels(dashboard) if panel["title"] == title)
    return panel


def queries_of(panel: Mapping[str, Any]) -> Iterator[Query]:
    """Yield what a panel asks."""
    for target in panel["targets"]:
        yield Query(
            place=f"{panel['title']} {target['refId']}",
            expression=target["expr"],
            is_range=target["range"],
            legend=target.get("legendFormat", ""),
        )


def queries(dashboard: Mapping[str, Any]) -> list[Query]:
    """Return what all panels and annotations ask."""
    found = [query for panel in panels(dashboard) for query in queries_of(panel)]
    return found + [
        Query(place=each["name"], expression=each["expr"])
        for each in dashboard["annotations"]["list"]
    ]


def variables(dashboard: Mapping[str, Any]) -> list[Query]:
    """Return what the variables with queries ask: a selector, and the label whose values."""
    found = []
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            match = _LABEL_VALUES.fullmatch(variable["query"]["query"])
            assert match, f"not label_values: {variable['query']['query']}"
            place, label = f"variable {variable['name']}", match["label"]
            found.append(Query(place=place, expression=match["selector"], label=label))
    return found


def substituted(
    expression: str, values: Mapping[str, str], *, seconds: float, step: float, scrape: float
) -> str:
    """Return an expression as Grafana sends it; KeyError for a variable that nobody knows.

    ``seconds`` are shown, in steps of ``step``; ``scrape`` is the data source's interval.
    """
    known = {
        **values,
        "__interval": f"{step:.0f}s",
        "__range": f"{seconds:.0f}s",
        # Grafana's: the counters of at least four scrapes, and one more than a step
        "__rate_interval": f"{max(step + scrape, 4 * scrape):.0f}s",
    }
    return _VARIABLE.sub(lambda match: _replaced(match, known), expression)


def _replaced(match: re.Match[str], known: Mapping[str, str]) -> str:
    # $1 is a group of label_replace: no variable has such a name
    return match[0] if match[1].isdigit() else known[match[1]]


def legend(template: str, labels: Mapping[str, str]) -> str:
    """Return the name of a series: ``{{label}}`` is its value, nothing where it has none."""
    named = re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), template)
    return " ".join(named.split())
