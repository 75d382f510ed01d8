"""Telling our sections from others, and adding a kind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from supervisor_maint.settings import kinds, reference, words
from supervisor_maint.settings.inputs import Entry, Expansions, Section
from supervisor_maint.settings.interpreting import interpret
from supervisor_maint.settings.options import (
    Circumstances,
    Naming,
    declaration_of,
    option,
    section,
)

REPOSITORY = Path(__file__).resolve().parents[2]


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
    monkeypatch.setattr(kinds, "EARLY", (*kinds.EARLY, ProbeSection))


def understood(*sections):
    found, problems = interpret(
        sections, Circumstances(), Expansions(environ={}, host_node_name="web01")
    )
    return [entry.value for entry in found[1:]], [problem.message for problem in problems]


def test_new_kind_needs_only_its_class():
    """A class that is listed is read, named and converted like those that are shipped."""
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
    """The page shows a class that is listed with its keys."""
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


def test_kinds_that_a_file_does_not_have_are_not_loaded(tmp_path):
    """A listener without plans, alerting and permissions keeps none of them in its memory."""
    file = tmp_path / "maint.conf"
    file.write_text(f"[maint]\nstate_dir = {tmp_path}\n[sink:http]\n")
    script = (
        "import sys, pathlib\n"
        "from supervisor_maint.settings import load\n"
        "found = load(pathlib.Path(sys.argv[1]), environ={}, now=0.0)\n"
        "print(found.plans, found.permissions, *sys.modules)\n"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script, str(file)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert ["()", "()"] == printed[:2]
    assert [] == [
        name
        for name in printed
        if name.startswith("supervisor_maint.settings.")
        if name.rpartition(".")[2] in ("maintenance", "alerting", "permissions", "planning")
    ]


def test_every_kind_is_found_by_its_header():
    """A section of each kind is told by its own class, whether it is loaded early or late."""
    for kind in kinds.every_kind():
        declared = declaration_of(kind)
        named = f"{declared.head}:x" if declared.naming is Naming.ALWAYS else declared.head

        assert kind is kinds.kind_of(named)
