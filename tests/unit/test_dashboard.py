"""The Grafana dashboard as it is deployed: what a linter asks of it, and what it asks of metrics.

The rules are those of Grafana's dashboard-linter, and some that it has not got.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from dashboard import asking
from dashboard.asking import Query
from dashboard.content import FILE, text
from supervisor_maint.monitoring.metrics import describe

DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
PANELS = asking.panels(DASHBOARD)
QUERIES = asking.queries(DASHBOARD)
VARIABLES = asking.variables(DASHBOARD)
TEMPLATING = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
KINDS = {"bargauge", "state-timeline", "stat", "table", "timeseries"}
# Over these a counter is read; anything else would show how old its listener is.
READ_COUNTERS = {"increase", "rate"}
OVER = {"increase": {"$__rate_interval", "$__range"}, "rate": {"$__rate_interval"}}
CHOOSERS = {("job", "$job"), ("instance", "$instance")}
# One that parses, in place of what Grafana puts there.
ANY = {"seconds": 3600, "step": 60, "scrape": 15}

per_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
per_query = pytest.mark.parametrize("query", QUERIES + VARIABLES, ids=str)


class Parsed:
    """An expression's tree, flat: every node with the nodes that it stands in."""

    def __init__(self, query: Query) -> None:
        named = {name: f"${name}" for name in TEMPLATING}
        expression = asking.substituted(query.expression, named, **ANY)
        self.nodes = list(_walk(promql_parser.parse(expression), ()))

    def selectors(self) -> list[tuple[Any, tuple[Any, ...]]]:
        """Return the choices of series, each with what it stands in."""
        return [
            (node, above)
            for node, above in self.nodes
            if isinstance(node, promql_parser.VectorSelector)
        ]


def _walk(node: Any, above: tuple[Any, ...]) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    # promql_parser.walk is younger than the last release for Python 3.9
    yield node, above
    parts = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector")]
    for part in [*parts, *getattr(node, "args", ())]:
        if part is not None:
            yield from _walk(part, (*above, node))


def test_file_is_as_generated() -> None:
    """What is deployed is what the description says: python -m dashboard."""
    assert text() == FILE.read_text(encoding="utf-8")


def test_is_provisioned_as_it_is() -> None:
    """It has an identity of its own, asks nothing at an import, and is nobody's to edit."""
    assert "supervisor-maint" == DASHBOARD["uid"]
    assert "supervisor-maint" in DASHBOARD["tags"]
    assert not DASHBOARD["editable"]
    assert set() == {"__inputs", "__requires", "id", "version"} & DASHBOARD.keys()


def test_datasource_is_a_choice() -> None:
    """Whichever Prometheus there is, is asked."""
    assert ("datasource", "prometheus", "Data source") == tuple(
        TEMPLATING["datasource"][key] for key in ("type", "query", "label")
    )


@pytest.mark.parametrize("name", ["job", "instance", "group"])
def test_variables_are_several_or_all(name: str) -> None:
    """Each may be several or all, is asked anew with the time, and shows its name."""
    variable = TEMPLATING[name]

    assert (name.capitalize(), ".+", True, True, 2, DATASOURCE) == tuple(
        variable[key]
        for key in ("label", "allValue", "includeAll", "multi", "refresh", "datasource")
    )


def test_panels_have_places_of_their_own() -> None:
    """No two overlap, none reaches over the edge, and each has its id."""
    places = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert len(ids) == len(set(ids))
    assert max(place["x"] + place["w"] for place in places) == 24
    assert [] == [pair for pair in itertools.combinations(places, 2) if _overlap(*pair)]


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_titles_are_unique() -> None:
    """A title names one panel: people talk of it."""
    titles = [panel["title"] for panel in PANELS]

    assert sorted(set(titles)) == sorted(titles)


@per_panel
def test_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    """Each has a title, a sentence, a unit and queries, all of one data source."""
    assert panel["type"] in KINDS
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    assert [DATASOURCE] * (1 + len(panel["targets"])) == [
        panel["datasource"],
        *(target["datasource"] for target in panel["targets"]),
    ]


@per_panel
def test_queries_of_a_panel_have_their_names(panel: dict[str, Any]) -> None:
    """No two have the same letter, and each is asked for now or over time."""
    letters = [target["refId"] for target in panel["targets"]]

    assert len(letters) == len(set(letters))
    for target in panel["targets"]:
        assert target["range"] != target.get("instant", False)


@per_panel
def test_overrides_are_of_something_shown(panel: dict[str, Any]) -> None:
    """Every column that a table dresses is one of its queries or keys."""
    if panel["type"] != "table":
        return
    organize = panel["transformations"][-1]["options"]
    shown = {organize["renameByName"].get(name, name) for name in organize["indexByName"]}

    assert {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]} <= shown
    assert [f"Value #{target['refId']}" for target in panel["targets"]] == [
        name for name in organize["indexByName"] if name.startswith("Value")
    ]


@per_query
def test_query_chooses_by_job_and_instance(query: Query) -> None:
    """Each series is one of the jobs and instances chosen, whichever sink it came by."""
    missing = [
        f"{selector.name} is not chosen by {CHOOSERS - chosen}"
        for selector, _ in Parsed(query).selectors()
        for chosen in [{(each.name, each.value) for each in selector.matchers.matchers}]
        if not CHOOSERS - _own(query) <= chosen
    ]

    assert [] == missing


def _own(query: Query) -> set[tuple[str, str]]:
    """Return what a variable cannot be chosen by: itself, and what is chosen after it."""
    without = {"job": CHOOSERS, "instance": {("instance", "$instance")}}
    return without.get(query.label, set())


@per_query
def test_query_knows_the_metrics(query: Query) -> None:
    """Each metric is one of the reference."""
    named = {selector.name for selector, _ in Parsed(query).selectors()}
    rows = {row.name: row for row in describe()}
    histograms = {f"{name}_bucket" for name, row in rows.items() if row.type == "histogram"}

    assert named <= rows.keys() | histograms


@per_query
def test_counters_are_read_as_counters(query: Query) -> None:
    """A counter is asked for its increase, over what is shown or what Grafana calculates."""
    counters = {row.name for row in describe() if row.type == "counter"}
    for selector, above in Parsed(query).selectors():
        readers = {node.func.name for node in above if isinstance(node, promql_parser.Call)}
        if selector.name in counters or selector.name.endswith("_bucket"):
            assert readers & READ_COUNTERS, f"{selector.name} is shown as it is"
        else:
            assert not readers & READ_COUNTERS, f"{selector.name} is no counter"
    for reader, over in re.findall(r"(rate|increase)\([^)]*\[(.+?)\]", query.expression):
        assert over in OVER[reader]


@per_query
def test_labels_of_legends_are_there(query: Query) -> None:
    """A legend names labels that the query groups by."""
    named = set(re.findall(r"\{\{(\w+)\}\}", query.legend))
    grouped = {
        label.strip()
        for labels in re.findall(r"by \(([^)]+)\)", query.expression)
        for label in labels.split(",")
    }

    assert named <= grouped


def test_provisioning_finds_it() -> None:
    """The provider reads the folder that the documentation puts the file into."""
    folder = FILE.parent
    (path,) = re.findall(r"path: (\S+)", (folder / "dashboards.yaml").read_text("utf-8"))
    page = (folder.parents[1] / "docs" / "dashboard.md").read_text("utf-8")

    assert f"{FILE.name} {path}/{FILE.name}\n" in page
    assert {"supervisor-maint.json", "dashboards.yaml", "datasource.yaml"} == {
        each.name for each in folder.iterdir()
    }


def test_panels_lead_to_the_runbook() -> None:
    """What a panel's link names is an alert that is shipped, in the same runbook."""
    alerts = "".join(
        each.read_text("utf-8") for each in FILE.parents[1].glob("prometheus/*.rules.yml")
    )
    linked = {link["url"] for panel in PANELS for link in panel.get("links", ())}
    sections = {url.replace("${runbook}", TEMPLATING["runbook"]["query"]) for url in linked}

    assert sections <= set(re.findall(r"runbook_url: (\S+)", alerts))
