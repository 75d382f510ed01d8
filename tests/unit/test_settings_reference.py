"""The declarations that the reference page of the configuration is made of."""

from __future__ import annotations

import pytest

from supervisor_maint.settings.inputs import Expansions
from supervisor_maint.settings.kinds import every_kind
from supervisor_maint.settings.options import options_of

OPTIONS = [(kind.__name__, option) for kind in every_kind() for option in options_of(kind).values()]


@pytest.mark.parametrize(
    ("kind", "option"), OPTIONS, ids=[f"{kind}.{option.key}" for kind, option in OPTIONS]
)
def test_option_has_help_and_an_example_that_holds(kind, option):
    """Every key says what it means, and its example is accepted."""
    expansions = Expansions(environ={}, host_node_name="web01")
    example = expansions.expand(option.example, here="/etc/supervisor")

    assert option.help.endswith(".")
    assert option.convert(example) is not None


def test_keys_have_no_units():
    """Units are in the values; the attributes have them in their names."""
    assert [] == [option.key for _, option in OPTIONS if option.key.endswith("_seconds")]
