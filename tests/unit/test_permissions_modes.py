"""Modes as chmod writes them: whatever is written here, the real chmod does the same."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supervisor_maint.permissions.modes import Mode

# Every right of every class, alone and together, with each of the three high bits.
CURRENT = (0o000, 0o001, 0o010, 0o100, 0o123, 0o640, 0o755, 0o777, 0o1020, 0o2750, 0o4711, 0o7777)
MODES = (
    *("0", "7", "44", "644", "0644", "0755", "1755", "2755", "4755", "7777", "0000", "0002"),
    *("u=rw,g=r,o=", "u=rwx,go=rx", "a=r", "=r", "=", "a=", "u=", "g=", "o="),
    *("+x", "-x", "+w", "-w", "+", "-", "u+", "g-", "+X", "a+X", "u+X", "u=rwX,go=rX", "=X"),
    *("g=u", "o=g", "u=o", "g+u", "o-u", "a=u", "=g", "ug=o", "g=g", "+u", "-o", "u=g,g=o"),
    *("u+s", "g+s", "ug+s", "+s", "a-s", "o+s", "u-s,g-s", "=s", "u=s", "g=s", "ug=rws"),
    *("+t", "o+t", "u+t", "a=t", "=t", "-t", "o=t", "a=st", "+st"),
    *("u+r-w", "u=rwx-x", "a=rx+X", "u=rw+x-r,g=u-w", "-x+X", "a-x,u+X", "u+x,g+X", "g=u-w+x"),
    *("ugo=rw", "uuu+x", "aug-x", "u+rwxrwx", "u+w,u-w", "a-rwx,u+r", "g=u,u=", "u=,g=u"),
)
NO_MODES = (
    *("", "8", "0888", "00755", "07777777", "0o755", "-0755", "+755", "=0755", " 755", "755 "),
    *("rwx", "u", "ug", "z+x", "u+q", "u=rw,", ",u=rw", "u=rw,,g=r", "u=rw;g=r", "u=ur", "g=uo"),
    *("u = rw", "u=rw g=r", "U=rw", "a=R", "rwxr-xr-x", "\N{ARABIC-INDIC DIGIT SEVEN}55"),
)


def _after_chmod(folder: Path, mode: str, currents: Sequence[int]) -> dict[tuple[bool, int], int]:
    """Have the real chmod change files and directories, and return what became of each."""
    paths = {
        (is_directory, current): folder / f"{'directory' if is_directory else 'file'}-{current:o}"
        for is_directory in (False, True)
        for current in currents
    }
    for (is_directory, current), path in paths.items():
        path.mkdir(exist_ok=True) if is_directory else path.touch()
        path.chmod(current)
    command = ["chmod", "--", mode, *map(str, paths.values())]
    subprocess.run(command, check=True, umask=0)
    return {key: path.stat().st_mode & 0o7777 for key, path in paths.items()}


def _applied(mode: str, currents: Sequence[int]) -> dict[tuple[bool, int], int]:
    parsed = Mode.parse(mode)
    return {
        (is_directory, current): parsed.apply(current, is_directory=is_directory)
        for is_directory in (False, True)
        for current in currents
    }


@pytest.mark.parametrize("mode", MODES)
def test_mode_does_what_chmod_does(tmp_path: Path, mode: str) -> None:
    """Every mode gives every file and directory the bits that the real chmod gives it."""
    assert _after_chmod(tmp_path, mode, CURRENT) == _applied(mode, CURRENT)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    mode=st.from_regex(
        r"[ugoa]{0,3}([-+=]([ugo]|[rwxXst]{0,4})){1,2}"
        r"(,[ugoa]{0,3}([-+=]([ugo]|[rwxXst]{0,4})){1,2}){0,2}|[0-7]{1,4}",
        fullmatch=True,
    ),
    currents=st.lists(st.integers(0, 0o7777), min_size=1, max_size=4, unique=True),
)
def test_any_mode_does_what_chmod_does(
    tmp_path_factory: pytest.TempPathFactory, mode: str, currents: list[int]
) -> None:
    """So does any other mode that can be written."""
    folder = tmp_path_factory.mktemp("modes")

    assert _after_chmod(folder, mode, currents) == _applied(mode, currents)


@pytest.mark.parametrize("text", NO_MODES)
def test_other_text_is_refused(text: str) -> None:
    """What is no mode is refused with what was expected and what was found."""
    with pytest.raises(ValueError, match=re.escape(f"found {text!r}")):
        Mode.parse(text)


@pytest.mark.parametrize("mode", MODES)
def test_text_is_given_back(mode: str) -> None:
    """A mode is shown as it was written, and one written alike is the same."""
    parsed = Mode.parse(mode)

    assert mode == str(parsed)
    assert parsed == Mode.parse(mode)


def test_bits_of_the_kind_are_left_out() -> None:
    """A whole ``st_mode`` may be given; only permission bits come back."""
    assert 0o755 == Mode.parse("0755").apply(0o040700, is_directory=True)
    assert 0o644 == Mode.parse("u=rw").apply(0o100444, is_directory=False)


@pytest.mark.parametrize("mode", [*MODES, "o=w", "o+rw", "a=rwx,o-w", "o-w,o=g", "g=w,o=g"])
def test_letting_the_world_write_is_seen(mode: str) -> None:
    """It is told exactly when something that the world cannot write could become writable."""
    parsed = Mode.parse(mode)
    gained = any(
        parsed.apply(current, is_directory=is_directory) & ~current & 0o002
        for current in range(0o10000)
        for is_directory in (False, True)
    )

    assert gained == parsed.lets_world_write


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("is_directory", [False, True])
def test_bits_that_could_be_added_are_seen(mode: str, is_directory: bool) -> None:
    """What a mode could add is what it adds to one of the modes there are."""
    parsed = Mode.parse(mode)
    added = 0
    for current in range(0o10000):
        added |= parsed.apply(current, is_directory=is_directory) & ~current

    assert added == parsed.could_add(is_directory=is_directory)
