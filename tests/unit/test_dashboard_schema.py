"""The Grafana dashboard as Grafana reads it: by the types that are generated from its schemas.

A key that Grafana does not know it leaves out without a word. So the file is read into those types,
written again, and compared.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.content import FILE

if sys.version_info < (3, 11):
    pytest.skip("Grafana's types are for Python 3.11 and later", allow_module_level=True)

DASHBOARD = json.loads(FILE.read_text(encoding="utf-8"))
# The Prometheus data source reads these; what Grafana itself knows of an annotation and of a
# variable leaves them out.
OF_THE_DATA_SOURCE = {
    *(f"annotations.list.{key}" for key in ("step", "tagKeys", "textFormat", "titleFormat")),
    "annotations.list.useValueForTime",
    "templating.list.definition",
}


def as_grafana_reads_it(dashboard: dict[str, Any]) -> Any:
    """Return what is left of a dashboard in Grafana's types, panels and queries included."""
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins
    from grafana_foundation_sdk.models.dashboard import Dashboard

    register_default_plugins()
    return json.loads(json.dumps(Dashboard.from_json(copy.deepcopy(dashboard)), cls=JSONEncoder))


def lost(given: Any, read: Any, place: str = "") -> Iterator[str]:
    """Yield the place of each key and value that is not read as it was given."""
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            below = f"{place}.{key}" if place else key
            if key in read:
                yield from lost(value, read[key], below)
            else:
                yield below
    elif isinstance(given, list) and isinstance(read, list) and len(given) == len(read):
        for one, other in zip(given, read):
            yield from lost(one, other, place)
    elif given != read:
        yield place


def test_grafana_knows_every_key() -> None:
    """Nothing in the file is left out or changed by Grafana."""
    assert OF_THE_DATA_SOURCE == set(lost(DASHBOARD, as_grafana_reads_it(DASHBOARD)))


@pytest.mark.parametrize(
    "path",
    [
        ("graphToolTip",),
        ("templating", "list", 1, "includeAl"),
        ("panels", 1, "options", "colourMode"),
        ("panels", 1, "fieldConfig", "defaults", "units"),
        ("panels", 1, "targets", 0, "instants"),
    ],
    ids=lambda path: ".".join(map(str, path)),
)
def test_mistake_is_found(path: tuple[Any, ...]) -> None:
    """A key that is mistyped is one that Grafana does not know."""
    mistaken = copy.deepcopy(DASHBOARD)
    *above, key = path
    within = mistaken
    for step in above:
        within = within[step]
    within[key] = True
    found = set(lost(mistaken, as_grafana_reads_it(mistaken))) - OF_THE_DATA_SOURCE

    assert {".".join(step for step in path if isinstance(step, str))} == found
