"""Our words against the installed Supervisor's: one spelling holds in the whole file."""

from __future__ import annotations

import configparser
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor import datatypes
from supervisor.options import UnhosedConfigParser, expand

from supervisor_maint.settings import words
from supervisor_maint.settings.inputs import Expansions
from supervisor_maint.settings.reading import LineParser

_REFUSED = object()


def _outcome(convert, text):
    try:
        return convert(text)
    except ValueError:
        return _REFUSED


@pytest.mark.parametrize("text", ["true", "YES", "On", "1", "false", "no", "OFF", "0", "", "maybe"])
def test_booleans_agree(text):
    """Supervisor's booleans are ours."""
    assert _outcome(datatypes.boolean, text) == _outcome(words.boolean, text)


@pytest.mark.parametrize("text", ["0", "17", "1KB", "2mb", "3Gb", "5 MB", "1TB", "MB", "x"])
def test_sizes_agree(text):
    """Supervisor's sizes are ours."""
    assert _outcome(datatypes.byte_size, text) == _outcome(words.byte_size, text)


@pytest.mark.parametrize("text", ["127.0.0.1:9001", "*:9001", ":9001", "HOST:1", "h:0", "h:70000"])
def test_addresses_agree(text):
    """Supervisor's addresses are ours; its empty host is every interface of IPv4."""
    theirs = _outcome(datatypes.inet_address, text)
    ours = _outcome(words.address, text)
    if theirs is not _REFUSED:
        theirs = (theirs[0] or "0.0.0.0", theirs[1])
        ours = (ours.host, ours.port)

    assert theirs == ours


@pytest.mark.parametrize(
    "text",  # but a share: 50% is read as people write it, where Supervisor sees an error
    ["plain", "%(here)s/x", "%(host_node_name)s", "%(ENV_A)s", "100%%", "%(nope)s"],
)
def test_expansions_agree(text):
    """Supervisor's expansions are ours."""
    known = {"here": "/etc", "host_node_name": "web01", "ENV_A": "a"}
    expansions = Expansions(environ={"A": "a"}, host_node_name="web01")
    theirs = _outcome(lambda value: expand(value, known, "name"), text)

    assert theirs == _outcome(lambda value: expansions.expand(value, here="/etc"), text)


_LINES = st.lists(
    st.sampled_from(
        [
            "[maint]",
            "[sink:http]",
            "[program:x]",
            "  [maint]",
            "key = value",
            "KEY=other",
            "key: value ; remark",
            "key = a;b",
            "key = a # remark",
            "  more",
            "\tmore ; remark",
            "; remark",
            "# remark",
            "key =",
            "",
            "   ",
        ]
    ),
    max_size=14,
)


def _as_supervisor_reads(text):
    """Return the values by section and key, the sections, and the lines that are neither."""
    parser = UnhosedConfigParser()
    stray = []
    try:
        parser.read_string(text)
    except configparser.ParsingError as error:
        stray = [line for line, _ in error.errors]
    values = {
        (section, key): parser.get(section, key)
        for section in parser.sections()
        for key in parser.options(section)
    }
    return values, parser.sections(), stray


@given(_LINES)
def test_files_are_read_as_supervisor_reads_them(lines):
    """Every section, key and value is what Supervisor's own parser finds in the same text."""
    text = "[first]\n" + "\n".join(lines)
    sections, problems = LineParser().parse(io.StringIO(text), "test.conf")
    values = {
        (section.header, entry.key): entry.text for section in sections for entry in section.entries
    }
    headers = list(dict.fromkeys(section.header for section in sections))
    stray = [problem.line for problem in problems]

    assert _as_supervisor_reads(text) == (values, headers, stray)
