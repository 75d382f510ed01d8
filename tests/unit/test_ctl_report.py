"""The listener's status as lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_maint.supervisord import ctl_report

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = ("pid", "listener", "read_at", "published_at", "heartbeat_at", "sinks", "maintenance")


def test_everything_is_told() -> None:
    """Listener, settings, events, sinks and the maintenance have their lines."""
    document = {
        "listener": "maint",
        "pid": 7,
        "version": "0.1.0",
        "read_at": 1000.0,
        "published_at": 997.0,
        "heartbeat_at": 995.0,
        "settings_file": "/etc/maint.conf",
        "config_reload_successful": False,
        "events_lost": 3,
        "errors": 1,
        "sinks": {"a": {"last_success_at": 940.0}, "b": {"last_error": "refused"}, "c": {}},
        "maintenance": {"sentences": ["nightly is held"]},
    }

    assert [
        "listener    maint, pid 7, version 0.1.0, wrote this 3s ago, last event 5s ago",
        "settings    /etc/maint.conf, NEWER ONES REFUSED (its log says why)",
        "events lost 3, errors 1",
        "sink        a: last write 1m ago",
        "sink        b: refused",
        "sink        c: last write never",
        "nightly is held",
    ] == list(ctl_report.lines(document))
    assert ctl_report.is_well(document)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"listener": "maint"}, True),
        ({"listener": "maint", "supervisord_up": True}, True),
        ({"listener": "maint", "supervisord_up": False}, False),
        ({"listener": None}, False),
        ({}, False),
    ],
)
def test_well_is_a_listener_that_runs(document: dict[str, Any], expected: bool) -> None:
    """A listener is well when it runs and supervisord answers it."""

    assert expected == ctl_report.is_well(document)


@given(st.dictionaries(st.sampled_from(KEYS), JSON))
def test_any_document_has_lines(document: dict[str, Any]) -> None:
    """Whatever another version published is told somehow."""

    assert list(ctl_report.lines(document))
