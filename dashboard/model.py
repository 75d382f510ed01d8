"""What a dashboard is made of, as Grafana's JSON has it: rows, their places, and variables.

The rules are those of Grafana's dashboard linter: no ``__inputs``, one ``datasource`` variable
that every query uses, ``job`` and ``instance`` that may be several or all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

JSON = dict[str, Any]

# Grafana migrates what is older than itself: this is what 10.4 writes, and all since read.
SCHEMA_VERSION = 39
COLUMNS = 24
# Panels added to a row leave the ids of other rows, and the links to them, as they are.
IDS_OF_A_ROW = 100

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}

# Each query chooses by these, never by a job of ours: a pushed, a scraped and a textfile's series
# differ in nothing else.
_MATCHERS = {
    "$fleet": 'job=~"$job", instance=~"$instance"',
    "$chosen": 'job=~"$job", instance=~"$instance", group=~"$group"',
}


def promql(expression: str) -> str:
    """Write ``{$fleet}`` and ``{$chosen}``, the matchers that all queries share, in full."""
    for short, full in _MATCHERS.items():
        expression = expression.replace(short, full)
    return expression


def per(keys: Sequence[str], aggregation: str, expression: str) -> str:
    """Return an expression as one number for each set of labels, and no other labels."""
    return f"{aggregation} by ({', '.join(keys)}) ({expression})"


def increase(selector: str) -> str:
    """Return by how much counters grew in the time shown."""
    return f"increase({selector}[$__range])"


@attrs.frozen
class Row:
    """A heading and the panels below it, each with its width and height."""

    title: str
    panels: Sequence[JSON]


def placed(rows: Sequence[Row]) -> Iterator[JSON]:
    """Yield headings and panels with ids and places: left to right, as lines of a text."""
    y = 0
    for number, row in enumerate(rows, start=1):
        place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
        first_id = number * IDS_OF_A_ROW
        yield {
            "type": "row",
            "id": first_id,
            "title": row.title,
            "collapsed": False,
            "gridPos": place,
            "panels": [],
        }
        y += 1
        x = height = 0
        for panel_id, panel in enumerate(row.panels, start=first_id + 1):
            size = panel["gridPos"]
            if x + size["w"] > COLUMNS:
                x, y, height = 0, y + height, 0
            yield {"id": panel_id, **panel, "gridPos": {**size, "x": x, "y": y}}
            x, height = x + size["w"], max(height, size["h"])
        y += height


def datasource_variable() -> JSON:
    """Return the variable that says which Prometheus is asked."""
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "current": {},
        "hide": 0,
        "includeAll": False,
        "multi": False,
        "options": [],
        "refresh": 1,
        "regex": "",
    }


def query_variable(name: str, label: str, values: str) -> JSON:
    """Return a variable with the values of a label: several, or all."""
    query = promql(values)
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"qryType": 1, "query": query, "refId": f"{name}-values"},
        "allValue": ".+",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "hide": 0,
        "includeAll": True,
        "multi": True,
        "options": [],
        "refresh": 2,
        "regex": "",
        "sort": 1,
    }


def constant(name: str, value: str) -> JSON:
    """Return a variable that nobody sees: what is written once and used in many places."""
    return {"type": "constant", "name": name, "query": value, "hide": 2, "skipUrlSync": True}


def annotation(name: str, expression: str, color: str, title: str, **more: Any) -> JSON:
    """Return what is drawn behind every graph: a span for values, or a line at a time."""
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": True,
        "expr": promql(expression),
        "hide": False,
        "iconColor": color,
        "titleFormat": title,
        "textFormat": "",
        "tagKeys": "instance",
        "step": "",
        **more,
    }
