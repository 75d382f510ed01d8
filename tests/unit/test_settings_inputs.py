"""What ``%(NAME)s`` and a percent sign stand for in a value."""

from __future__ import annotations

import pytest

from supervisor_maint.settings.inputs import Expansions

EXPANSIONS = Expansions(environ={"X": "x%"}, host_node_name="web01")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("25%", "25%"),
        ("25%%", "25%"),
        ("25%, 5", "25%, 5"),
        ("25% 5%\n5%", "25% 5%\n5%"),
        ("a%%b", "a%b"),
        ("%%%", "%%"),
        ("%%s", "%s"),
        ("%(here)s/%(host_node_name)s", "/etc/web01"),
        ("%(ENV_X)s", "x%"),
        ("%(here)s%", "/etc%"),
    ],
)
def test_percent_sign(text: str, expected: str) -> None:
    """A percent sign may be alone where a word ends; elsewhere it is doubled."""
    assert expected == EXPANSIONS.expand(text, here="/etc")


@pytest.mark.parametrize("text", ["%s", "5%x", "%(here)", "%d, 25%", "a%(here) s"])
def test_lone_percent_sign_is_refused_within_a_word(text: str) -> None:
    """Within a word a percent sign without a name is a slip: of ``%(NAME)s``, or of ``%%``."""
    with pytest.raises(ValueError, match="found a lone '%'"):
        EXPANSIONS.expand(text, here="/etc")
