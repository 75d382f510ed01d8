"""Telling our sections from others, and adding a kind."""

from __future__ import annotations

import attrs
import pytest

from supervisor_maint.settings import kinds, reference, words
from supervisor_maint.settings.inputs import Entry, Expansions, Section
from supervisor_maint.settings.interpreting import interpret
from supervisor_maint.settings.options import Circumstances, Naming, option, section


@section("probe", Naming.ALWAYS)
@attrs.frozen(kw_only=True)
class ProbeSection:
    """A command that is run around something."""

    name: str
    timeout_seconds: float = option(
        words.duration, key="timeout", default="30s", help="How long it may take.", example="1m"
    )


@pytest.fixture(autouse=True)
def probe_is_known(monkeypatch):
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, ProbeSection))
    monkeypatch.setattr(reference, "KINDS", kinds.KINDS)


def understood(*sections):
    found, problems = interpret(
        sections, Circumstances(), Expansions(environ={}, host_node_name="web01")
    )
    return [entry.value for entry in found[1:]], [problem.message for problem in problems]


def test_new_kind_needs_only_its_class():
    """A class in KINDS is read, named and converted like those that are shipped."""
    entries = (Entry(key="timeout", text="1m", line=2),)
    drain = Section(header="probe:drain", file="/a.conf", line=1, entries=entries)
    warm = Section(header="probe:warm", file="/a.conf", line=3)

    assert (
        [
            ProbeSection(name="drain", timeout_seconds=60.0),
            ProbeSection(name="warm", timeout_seconds=30.0),
        ],
        [],
    ) == understood(drain, warm)


def test_new_kind_is_on_the_reference_page():
    """The page shows a class in KINDS with its keys."""
    page = reference.markdown("How it is made.")

    assert "## `[probe:NAME]`" in page
    assert "| `timeout` | `30s` | How long it may take. | `1m` |" in page


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("probe", "expected [probe:NAME], found [probe]"),
        ("probes:drain", "unknown section, did you mean [probe:NAME]?"),
        ("prob:drain", "unknown section, did you mean [probe:NAME]?"),
    ],
)
def test_named_kind_needs_its_name(header, expected):
    """A section without the name it needs, or with a family misspelled, is a problem."""
    assert ([], [expected]) == understood(Section(header=header, file="/a.conf", line=1))


@pytest.mark.parametrize(
    "header", ["program:probe", "group:x", "supervisord", "watchdog", "x:probe"]
)
def test_other_families_are_left_alone(header):
    """supervisord's sections and words that are not like ours are no problem."""
    assert ([], []) == understood(Section(header=header, file="/a.conf", line=1))
