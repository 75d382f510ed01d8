"""What every command says of itself."""

from __future__ import annotations

import pytest

from supervisor_maint import __version__
from supervisor_maint.cli import COMMANDS, main

SPELT = [name.replace("_", "-") for name in COMMANDS]


@pytest.mark.parametrize("command", SPELT)
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command's help ends with an example of it."""
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    _, example = capsys.readouterr().out.split("\nexample:\n")

    assert 0 == ended.value.code
    assert f"supervisor-maint {command}" in example


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The help of the whole names each command with what it is for."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    listed = capsys.readouterr().out

    assert 0 == ended.value.code
    assert [] == [command for command in SPELT if f"\n    {command}" not in listed]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """``--version`` prints the version."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])

    assert 0 == ended.value.code
    assert f"supervisor-maint {__version__}\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["check_config", "x"],
        ["history", "--limit", "0"],
        ["status", "--nonsense"],
    ],
    ids=" ".join,
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage exits 2, with the usage on stderr and nothing on stdout."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()

    assert 2 == ended.value.code
    assert "" == out
    assert err.startswith("usage: supervisor-maint")
