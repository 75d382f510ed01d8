"""The kinds of panel that the dashboard has. Each has a title, a sentence, a unit and queries."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from dashboard.model import DATASOURCE, JSON, promql

GREEN, YELLOW, RED, BLUE, GREY = "green", "yellow", "red", "blue", "text"
NOTHING = "transparent"
STATES = ("RUNNING", "STARTING", "STOPPING", "STOPPED", "EXITED", "BACKOFF", "FATAL", "UNKNOWN")
# A word has the same colour wherever it is drawn.
COLORS = {
    "RUNNING": GREEN,
    "STARTING": "light-green",
    "STOPPING": "light-blue",
    "STOPPED": "blue",
    "EXITED": "purple",
    "BACKOFF": "orange",
    "FATAL": RED,
    "UNKNOWN": "dark-red",
    "maintenance": BLUE,
    "command": "purple",
    "exit": RED,
    "succeeded": GREEN,
    "failed": RED,
    "skipped": YELLOW,
    "ok": GREEN,
    "fixed": BLUE,
    "would_fix": "light-blue",
}


@attrs.frozen(kw_only=True)
class Value:
    """How a number is shown: its unit, what is too much of it, and words instead of numbers."""

    unit: str = "short"
    decimals: int | None = None
    bad_from: float | None = None
    words: Mapping[str, tuple[str, str]] = attrs.field(factory=dict)
    mappings: Sequence[JSON] = ()

    def defaults(self) -> JSON:
        """Return it as Grafana's ``fieldConfig.defaults``."""
        steps: list[JSON] = [{"color": GREY if self.bad_from is None else GREEN, "value": None}]
        if self.bad_from is not None:
            steps.append({"color": RED, "value": self.bad_from})
        known = {
            "unit": self.unit,
            "thresholds": {"mode": "absolute", "steps": steps},
            "mappings": [*self._words(), *self.mappings],
        }
        return known if self.decimals is None else {**known, "decimals": self.decimals}

    def _words(self) -> Sequence[JSON]:
        options = {
            number: {"text": text, "color": color, "index": index}
            for index, (number, (text, color)) in enumerate(self.words.items())
        }
        return [{"type": "value", "options": options}] if options else []


@attrs.frozen(kw_only=True)
class Column:
    """One value of a table's rows; without a title only the labels that it brings are shown."""

    title: str = ""
    expression: str
    value: Value = Value()


def stat(title: str, description: str, expression: str, value: Value, **more: Any) -> JSON:
    """Return one number: now, or over the time shown."""
    color = "background" if value.bad_from is not None or value.words else "none"
    options = {
        "colorMode": color,
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "value",
    }
    return _panel(
        "stat",
        title,
        description,
        targets=[_instant(expression, "A")],
        defaults=value.defaults(),
        options=options,
        size=(3, 4),
        **more,
    )


def graph(
    title: str, description: str, queries: Mapping[str, str], value: Value, **more: Any
) -> JSON:
    """Return lines over time, one for each series; ``queries`` are expressions by legend."""
    return _over_time(title, description, queries, value, {"fillOpacity": 0}, **more)


def stacked(
    title: str, description: str, queries: Mapping[str, str], value: Value, **more: Any
) -> JSON:
    """Return areas over time that add up."""
    custom = {"fillOpacity": 60, "stacking": {"mode": "normal", "group": "A"}}
    return _over_time(title, description, queries, value, custom, **more)


def bars(
    title: str, description: str, queries: Mapping[str, str], value: Value, **more: Any
) -> JSON:
    """Return bars over time that add up: how often something happened.

    What two bars both look at would be counted twice, and ``$__rate_interval`` reaches a scrape
    further back than a bar is wide: so a bar is at least a minute.
    """
    custom = {
        "drawStyle": "bars",
        "fillOpacity": 80,
        "lineWidth": 0,
        "stacking": {"mode": "normal", "group": "A"},
    }
    return _over_time(title, description, queries, value, custom, interval="1m", **more)


def _over_time(
    title: str,
    description: str,
    queries: Mapping[str, str],
    value: Value,
    custom: JSON,
    *,
    colored: Sequence[str] = (),
    **more: Any,
) -> JSON:
    defaults = {
        **value.defaults(),
        "color": {"mode": "palette-classic"},
        "min": 0,
        "custom": {"lineWidth": 1, "showPoints": "never", "spanNulls": False, **custom},
    }
    options = {
        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return _panel(
        "timeseries",
        title,
        description,
        targets=_ranges(queries),
        defaults=defaults,
        options=options,
        size=(8, 8),
        overrides=[_colored(name) for name in colored],
        **more,
    )


def _colored(name: str) -> JSON:
    return _override(name, {"color": {"mode": "fixed", "fixedColor": COLORS[name]}})


def states(
    title: str, description: str, queries: Mapping[str, str], value: Value, **more: Any
) -> JSON:
    """Return a line for each series that changes its colour with its state."""
    defaults = {**value.defaults(), "custom": {"fillOpacity": 80, "lineWidth": 0}}
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "never",
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return _panel(
        "state-timeline",
        title,
        description,
        targets=_ranges(queries),
        defaults=defaults,
        options=options,
        size=(24, 8),
        **more,
    )


def ranking(
    title: str, description: str, queries: Mapping[str, str], value: Value, **more: Any
) -> JSON:
    """Return a bar for each series, the longest first."""
    names = iter(string.ascii_uppercase)
    targets = [_instant(each, next(names), legendFormat=name) for name, each in queries.items()]
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "valueMode": "text",
    }
    defaults = {**value.defaults(), "color": {"mode": "fixed", "fixedColor": BLUE}}
    return _panel(
        "bargauge",
        title,
        description,
        targets=targets,
        defaults=defaults,
        options=options,
        size=(12, 9),
        **more,
    )


def table(
    title: str,
    description: str,
    keys: Sequence[str],
    columns: Sequence[Column],
    *,
    links: Mapping[str, Sequence[JSON]] | None = None,
    titles: Mapping[str, str] | None = None,
    **more: Any,
) -> JSON:
    """Return a row for each set of ``keys`` and a column for each query.

    Grafana's "merge" makes one row of all that agree in the labels, so each query is to return
    no other labels. ``links`` are what a click on a key offers, ``titles`` other words for keys.
    """
    names = string.ascii_uppercase[: len(columns)]
    targets = [
        _instant(column.expression, name, format="table") for name, column in zip(names, columns)
    ]
    values = {f"Value #{name}": column.title for name, column in zip(names, columns)}
    organize = {
        "excludeByName": {
            "Time": True,
            **{name: True for name, title in values.items() if not title},
        },
        "indexByName": {name: index for index, name in enumerate([*keys, *values])},
        "renameByName": {**(titles or {}), **{k: v for k, v in values.items() if v}},
    }
    transformations = [{"id": "merge", "options": {}}, {"id": "organize", "options": organize}]
    overrides = [_column(column) for column in columns if column.title]
    overrides += [_override(key, {"links": each}) for key, each in (links or {}).items()]
    return _panel(
        "table",
        title,
        description,
        targets=targets,
        defaults={**Value().defaults(), "custom": {"align": "auto", "filterable": True}},
        options={"cellHeight": "sm", "showHeader": True},
        size=(24, 8),
        overrides=overrides,
        transformations=transformations,
        **more,
    )


def _column(column: Column) -> JSON:
    shown = column.value.defaults()
    if column.value.words or column.value.bad_from is not None:
        shown["custom.cellOptions"] = {"type": "color-text"}
    return _override(column.title, shown)


def _override(name: str, properties: Mapping[str, Any]) -> JSON:
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": each, "value": value} for each, value in properties.items()],
    }


def _panel(
    kind: str,
    title: str,
    description: str,
    *,
    targets: Sequence[JSON],
    defaults: JSON,
    options: JSON,
    size: tuple[int, int],
    width: int = 0,
    height: int = 0,
    overrides: Sequence[JSON] = (),
    alert: str = "",
    **more: Any,
) -> JSON:
    """Return a panel; ``alert`` is the one whose section of the runbook says what to do."""
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
        "gridPos": {"w": width or size[0], "h": height or size[1]},
        **({"links": [_runbook(alert)]} if alert else {}),
        **more,
    }


def _runbook(alert: str) -> JSON:
    url = f"${{runbook}}#{alert.lower()}"
    return {"title": f"What to do: {alert}", "url": url, "targetBlank": True}


def _instant(expression: str, name: str, **more: str) -> JSON:
    return {**_target(expression, name), "instant": True, "range": False, **more}


def _ranges(queries: Mapping[str, str]) -> list[JSON]:
    names = iter(string.ascii_uppercase)
    return [
        {**_target(each, next(names)), "range": True, "legendFormat": legend}
        for legend, each in queries.items()
    ]


def _target(expression: str, name: str) -> JSON:
    expr = promql(expression)
    return {"refId": name, "datasource": DATASOURCE, "editorMode": "code", "expr": expr}
