"""Root's permissions in folders that others can write, against what was done to others there.

``PERMISSIONS_ATTACK_SECONDS`` says how long the race is run; a minute by hand, less in between.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

import attrs
import pytest

from supervisor_maint.permissions import filesystem
from supervisor_maint.permissions.facts import Facts
from supervisor_maint.permissions.rules import Rule
from tests.fakes import attacker
from tests.fakes.permission_passes import (
    KEEPER,
    MALLORY,
    make_file,
    mend,
    mode_of,
    needs_root,
    owner_of,
    reasons,
)
from tests.fakes.permissions import rule

pytestmark = needs_root

SECONDS = float(os.environ.get("PERMISSIONS_ATTACK_SECONDS", "2"))
# A fixer that is led astray is so within a moment; on a machine that is busy it may take longer.
PATIENCE_SECONDS = 60.0


@attrs.frozen
class Scene:
    """Root's folder with a folder of Mallory's in it, and root's secrets beside it."""

    base: Path
    secret: Path
    secrets: Path

    @property
    def shared(self) -> Path:
        """Mallory's folder."""
        return self.base / "shared"

    @property
    def is_safe(self) -> bool:
        """Tell whether root's secrets are as they were."""
        files = (self.secret, self.secrets / "inner")
        untouched = all((mode_of(file), owner_of(file)) == (0o600, (0, 0)) for file in files)
        return untouched and (mode_of(self.secrets), owner_of(self.secrets)) == (0o700, (0, 0))

    def rule(self, **given: str) -> Rule:
        """Make the rule that hands everything to the keeper."""
        wanted = {"dir_mode": "0755", "file_mode": "0644", "owner": str(KEEPER), **given}
        return rule(str(self.base), recursive=True, group=str(KEEPER), **wanted)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path / "base", tmp_path / "secret", tmp_path / "secrets")
    make_file(made.secret, 0o600)
    make_file(made.secrets / "inner", 0o600)
    made.secrets.chmod(0o700)
    (made.shared / "d").mkdir(parents=True)
    make_file(made.shared / "d" / "inner", 0o666)
    for path in (made.shared, *made.shared.rglob("*")):
        os.chown(path, MALLORY, MALLORY)
    return made


def test_cve_2018_6954_link_for_a_folder_on_the_way(scene: Scene) -> None:
    """A link in the place of a folder leads nowhere, neither on the way to a base nor below it.

    systemd-tmpfiles followed it and changed what lay behind (systemd #7986).
    """
    (scene.shared / "d").rename(scene.shared / "aside")
    (scene.shared / "d").symlink_to(scene.secrets)
    below = mend(scene.rule())
    on_the_way = mend(rule(str(scene.shared / "d" / "inner"), owner=str(MALLORY), mode="0644"))

    assert scene.is_safe
    assert (1, 1) == (below.rules[0].skipped, below.rules[0].links)
    assert on_the_way.rules[0].problem is not None
    assert "is a symbolic link, which is not followed" in on_the_way.rules[0].problem


def test_cve_2017_18188_hard_link_in_a_recursion(scene: Scene) -> None:
    """A recursion that changes owners leaves a hard link to root's file alone (opentmpfiles)."""
    os.link(scene.secret, scene.shared / "d" / "trap")
    first, second = mend(scene.rule()), mend(scene.rule())

    assert scene.is_safe
    for report in (first, second):
        assert any("it has 2 names (hard links)" in reason for reason in reasons(report))
        assert report.has_trouble


def test_cve_2017_18925_link_at_the_path_itself(scene: Scene) -> None:
    """A rule for one path does not give away what a link at that path leads to (opentmpfiles)."""
    for target in (scene.secret, scene.secrets):
        place = scene.shared / "wanted"
        place.symlink_to(target)
        report = mend(rule(str(place), owner=str(MALLORY), mode="0755"))
        place.unlink()

        assert scene.is_safe
        assert (0, 1) == (report.rules[0].fixed, report.rules[0].skipped)


def test_systemd_7736_hard_link_at_the_path_itself(scene: Scene) -> None:
    """A rule for one path does not give away a file of root's that has a name there."""
    os.link(scene.secret, scene.shared / "wanted")
    report = mend(rule(str(scene.shared / "wanted"), owner=str(MALLORY), mode="0644"))

    assert scene.is_safe
    assert (0, 1) == (report.rules[0].fixed, report.rules[0].failed)


def test_owner_cannot_have_root_give_him_roots_files(scene: Scene) -> None:
    """Who owns all folders of a rule still gets no file of root's by a hard link in them."""
    wanted = scene.rule(owner=str(MALLORY))
    mend(wanted)
    os.link(scene.secret, scene.shared / "trap")
    mend(wanted)

    assert MALLORY == owner_of(scene.base)[0]
    assert scene.is_safe


def test_whoever_is_first_in_tmp_leads_nobody(tmp_path: Path) -> None:
    """A base folder that a stranger made first is not followed into."""
    secret = make_file(tmp_path / "secret", 0o600)
    common = tmp_path / "common"
    common.mkdir()
    common.chmod(0o1777)
    state = common / "state"
    state.mkdir()
    os.chown(state, MALLORY, MALLORY)
    os.link(secret, state / "x.hash")
    (found,) = mend(rule(str(state / "*.hash"), owner=str(KEEPER), mode="0644")).rules

    assert found.problem is not None
    assert found.problem.startswith(f"untrusted owner: {state} belongs to {MALLORY}")
    assert (0o600, (0, 0)) == (mode_of(secret), owner_of(secret))


@pytest.mark.parametrize("name", ["state", "state/*.hash", "state/x.hash"])
def test_whoever_is_first_in_tmp_leads_nobody_by_a_link(tmp_path: Path, name: str) -> None:
    """A stranger's link in the place of a base is a problem, and nobody is told to go there."""
    (tmp_path / "secrets").mkdir()
    make_file(tmp_path / "secrets" / "x.hash", 0o600)
    link = tmp_path / "state"
    link.symlink_to(tmp_path / "secrets")
    os.chown(link, MALLORY, MALLORY, follow_symlinks=False)
    (found,) = mend(rule(str(tmp_path / name), mode="0755")).rules

    assert 0 == found.fixed
    assert found.problem is not None
    assert f"belongs to {MALLORY}" in found.problem
    assert "secrets" not in found.problem


def test_name_that_is_taken_away_does_not_make_a_link_the_only_one(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hard link to root's file, removed just when its links are counted, gives nothing away.

    The look and the change then see a file with one link: the name that Mallory has no part in.
    """
    trap = scene.shared / "trap"
    look, open_to_look = filesystem.look, filesystem._opened

    def look_late(name: str, folder: int) -> Facts:
        return attrs.evolve(look(name, folder), links=1)

    def open_and_lose(name: str, folder: int) -> int:
        descriptor = open_to_look(name, folder)
        os.unlink(name, dir_fd=folder)
        return descriptor

    os.link(scene.secret, trap)
    monkeypatch.setattr(filesystem, "look", look_late)
    monkeypatch.setattr(filesystem, "_opened", open_and_lose)
    report = mend(rule(str(trap), owner=str(MALLORY), mode="0644"))

    assert not trap.exists()
    assert scene.is_safe
    assert (0, 1) == (report.rules[0].fixed, report.rules[0].skipped)


def test_name_like_that_of_a_file_that_is_gone_is_no_name(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it when its name, before it is removed, is made one that /proc writes like it.

    Of ``x (deleted)``, renamed to ``x`` and removed, /proc says what it said before.
    """
    trap = scene.shared / "x (deleted)"
    look, open_to_look = filesystem.look, filesystem._opened

    def look_late(name: str, folder: int) -> Facts:
        return attrs.evolve(look(name, folder), links=1)

    def open_and_lose(name: str, folder: int) -> int:
        descriptor = open_to_look(name, folder)
        trap.rename(scene.shared / "x").unlink()
        return descriptor

    os.link(scene.secret, trap)
    monkeypatch.setattr(filesystem, "look", look_late)
    monkeypatch.setattr(filesystem, "_opened", open_and_lose)
    report = mend(rule(str(trap), owner=str(MALLORY), mode="0644"))

    assert not (scene.shared / "x").exists()
    assert scene.is_safe
    assert [
        "its name ends in ' (deleted)', as /proc writes that of a file that is gone; rename it"
    ] == reasons(report)


def test_folder_that_is_swapped_for_a_clean_one_is_not_closed_over_its_trap(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap is looked for in the folder that was closed, not in what has its name by then."""
    folder, aside = scene.shared / "d", scene.shared / "aside"
    folder.chmod(0o777)
    find_trap = filesystem._find_trap

    def find_late(descriptor: int, owners: frozenset[int]) -> str | None:
        is_closed = mode_of(folder) == 0o755
        if is_closed:
            folder.rename(aside)
            folder.mkdir()
        found = find_trap(descriptor, owners)
        if not is_closed:
            os.link(scene.secret, folder / "trap")
        return found

    monkeypatch.setattr(filesystem, "_find_trap", find_late)
    report = mend(rule(str(folder), dir_mode="0755", owner=str(KEEPER), trust_owner=str(MALLORY)))

    assert 1 == report.rules[0].failed
    assert (0o777, MALLORY) == (mode_of(aside), owner_of(aside)[0])


@contextmanager
def _attack(scene: Scene) -> Iterator[None]:
    words = [sys.executable, attacker.__file__, scene.shared, scene.secret, scene.secrets]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert "begun\n" == child.stdout.readline()
        try:
            yield
        finally:
            swaps, _ = child.communicate(timeout=PATIENCE_SECONDS)
    assert int(swaps) > 0


def test_no_escape_while_somebody_swaps(scene: Scene) -> None:
    """Files and folders swapped for links all the time lead no pass to root's secrets."""
    only_modes = rule(str(scene.base), recursive=True, file_mode="0640")
    end_at = time.monotonic() + SECONDS
    seen = 0
    with _attack(scene):
        while seen < 20 or time.monotonic() < end_at:
            report = mend(scene.rule()), mend(only_modes)
            seen += 1
            assert scene.is_safe, report
            os.chown(scene.shared, MALLORY, MALLORY)

    assert scene.is_safe


def _naive(base: Path) -> None:
    """What ``chown`` and ``chmod`` on paths do."""
    for path in _paths(base):
        os.chown(path, KEEPER, KEEPER)
        path.chmod(0o644)


def _looking_first(base: Path) -> None:
    """The same for what was a file of one name when it was looked at."""
    for path in _paths(base):
        if path.is_file() and not path.is_symlink() and path.lstat().st_nlink == 1:
            os.chown(path, KEEPER, KEEPER)
            path.chmod(0o644)


def _paths(base: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(base):
        yield from (Path(folder) / name for name in names)


@pytest.mark.parametrize("fixer", [_naive, _looking_first])
def test_attack_would_succeed(scene: Scene, fixer: Callable[[Path], None]) -> None:
    """The same attack leads a fixer that works on paths astray: it is an attack."""
    end_at = time.monotonic() + PATIENCE_SECONDS
    with _attack(scene):
        while scene.is_safe and time.monotonic() < end_at:
            try:
                fixer(scene.base)
            except FileNotFoundError:  # swapped just then
                continue

    assert not scene.is_safe
