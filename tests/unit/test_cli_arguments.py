"""Where the configuration is looked for."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from supervisor_maint.cli import arguments
from supervisor_maint.cli.arguments import CONFIG_VARIABLE, find_config

NAMED, IN_ENVIRONMENT = Path("/named.conf"), Path("/environment.conf")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two places to look in, where nothing is yet."""
    found = tmp_path / "first", tmp_path / "second"
    monkeypatch.setattr(arguments, "CONFIG_PLACES", tuple(map(str, found)))
    return found


@pytest.mark.parametrize(
    ("named", "environ", "expected"),
    [
        (NAMED, {CONFIG_VARIABLE: str(IN_ENVIRONMENT)}, NAMED),
        (None, {CONFIG_VARIABLE: str(IN_ENVIRONMENT)}, IN_ENVIRONMENT),
    ],
    ids=["argument", "environment"],
)
def test_named_configuration(
    named: Path | None, environ: dict[str, str], expected: Path, places: tuple[Path, Path]
) -> None:
    """The argument comes before the environment, and both before what is in a usual place."""
    for place in places:
        place.touch()

    assert expected == find_config(argparse.Namespace(config=named), environ)


@pytest.mark.parametrize("environ", [{}, {CONFIG_VARIABLE: ""}], ids=["unset", "empty"])
def test_usual_places(environ: dict[str, str], places: tuple[Path, Path]) -> None:
    """The usual places are looked at in their order."""
    first, second = places
    second.touch()
    assert second == find_config(argparse.Namespace(config=None), environ)

    first.touch()
    assert first == find_config(argparse.Namespace(config=None), environ)
