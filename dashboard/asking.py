"""What a dashboard asks, and what Grafana makes of it before it asks Prometheus. No I/O here.

Only what ours uses: Prometheus queries of panels and annotations, and ``label_values``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")
_VARIABLE = re.compile(r"\$(\w+)")


@attrs.frozen(kw_only=True)
class Query:
    """What a panel, an annotation or a variable asks; ``place`` says where it stands.

    ``legend`` is how its series are named: a template, or the title of a table's column.
    """

    place: str
    expression: str
    is_range: bool = True
    legend: str = ""
    label: str = ""

    def __str__(self) -> str:
        return self.place

    def name_of(self, labels: Mapping[str, str]) -> str:
        """Return the name of a series: ``{{label}}`` is its value, nothing where it has none."""
        named = re.sub(r"\{\{(\w+)\}\}", lambda match: labels.get(match[1], ""), self.legend)
        return " ".join(named.split())


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels, without the headings of the rows."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries_of(panel: Mapping[str, Any]) -> Iterator[Query]:
    """Yield what a panel asks."""
    for target in panel["targets"]:
        yield Query(
            place=f"{panel['title']} {target['refId']}",
            expression=target["expr"],
            is_range=target["range"],
            legend=_legend(panel, target),
        )


def _legend(panel: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    if panel["type"] == "table":
        column = f"Value #{target['refId']}"
        return str(panel["transformations"][-1]["options"]["renameByName"].get(column, column))
    return str(target.get("legendFormat") or panel["title"])


def annotations(dashboard: Mapping[str, Any]) -> list[Query]:
    """Return what the annotations ask."""
    return [
        Query(place=each["name"], expression=each["expr"], legend=each["titleFormat"])
        for each in dashboard["annotations"]["list"]
    ]


def queries(dashboard: Mapping[str, Any]) -> list[Query]:
    """Return what all panels and annotations ask."""
    found = [query for panel in panels(dashboard) for query in queries_of(panel)]
    return found + annotations(dashboard)


def variables(dashboard: Mapping[str, Any]) -> list[Query]:
    """Return what the variables with queries ask: a selector, and the label whose values.

    Raises ValueError for another kind of query.
    """
    return [
        _variable(each["name"], each["query"]["query"])
        for each in dashboard["templating"]["list"]
        if each["type"] == "query"
    ]


def _variable(name: str, query: str) -> Query:
    match = _LABEL_VALUES.fullmatch(query)
    if match is None:
        raise ValueError(f"expected label_values(SELECTOR, LABEL), found {query!r}")
    return Query(place=f"variable {name}", expression=match["selector"], label=match["label"])


def substituted(
    expression: str, values: Mapping[str, str], *, seconds: float, step: float, scrape: float
) -> str:
    """Return an expression as Grafana sends it; KeyError for a variable that nobody knows.

    ``seconds`` are shown, in steps of ``step``; ``scrape`` is the data source's interval.
    """
    known = {
        **values,
        "__range": f"{seconds:.0f}s",
        # Grafana's: the counters of at least four scrapes, and of one more than a step
        "__rate_interval": f"{max(step + scrape, 4 * scrape):.0f}s",
    }
    return _VARIABLE.sub(lambda match: _replaced(match, known), expression)


def _replaced(match: re.Match[str], known: Mapping[str, str]) -> str:
    # $1 is a group of label_replace: no variable has such a name
    return match[0] if match[1].isdigit() else known[match[1]]
