"""A tree that changes under a pass, time that is over, and what may not be looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from supervisor_maint.permissions import filesystem, passes, walking
from supervisor_maint.permissions.report import Result
from tests.fakes.permission_passes import make_file, make_tree, mend, mode_of, reasons
from tests.fakes.permissions import rule


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree")


def test_overdue_pass_says_which_rules_were_not_done(tree: Path) -> None:
    """After the deadline nothing more is looked at, and every rule left says so."""
    report = mend(rule(str(tree), recursive=True), deadline_at=500.0)

    assert report.rules[0].problem is not None
    assert report.rules[0].problem.startswith("the deadline passed")
    assert 0 == report.rules[0].seen


def test_pass_stops_in_the_middle_of_a_rule(tree: Path) -> None:
    """A deadline that passes during the walk ends it; what was mended is counted."""
    times = iter(range(100))
    report = mend(rule(str(tree), recursive=True), clock=lambda: next(times), deadline_at=3)

    assert report.rules[0].problem is not None
    assert 0 < report.rules[0].seen < 6


@pytest.mark.parametrize("given", [{}, {"exclude": ("*.log",)}, {"mode": "0644"}])
def test_pass_stops_in_the_middle_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    """A deadline that passes within one folder ends the walk, whatever is done about its files."""
    for number in range(20):
        make_file(tmp_path / f"{number}.log")
    monkeypatch.setattr(walking, "_NAMES_BETWEEN", 5)
    times = iter(range(100))
    wanted = rule(str(tmp_path), recursive=True, **given)
    report = mend(wanted, clock=lambda: next(times), deadline_at=3)

    assert walking.OVERDUE == report.rules[0].problem
    assert report.rules[0].seen < 10


class Closed:
    """What a folder lists where something is mounted that nobody should look at."""

    name = "mounted"

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        return not follow_symlinks

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        raise AssertionError(f"a server that is away would never answer, {follow_symlinks}")


class Listing(Iterator[Closed]):
    """A listing of that alone."""

    def __init__(self) -> None:
        self._left = [Closed()]

    def __next__(self) -> Closed:
        if not self._left:
            raise StopIteration
        return self._left.pop()

    def close(self) -> None:
        self._left.clear()


@pytest.mark.parametrize("given", [{}, {"exclude": ("*.log",)}])
def test_what_is_mounted_is_not_even_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]
) -> None:
    """A user's own file system (fuse(4)) keeps root out, and one whose server is away hangs."""
    monkeypatch.setattr(passes, "mount_points", lambda: frozenset({f"{tmp_path}/mounted"}))
    monkeypatch.setattr(walking.os, "scandir", lambda _descriptor: Listing())
    report = mend(rule(str(tmp_path), recursive=True, mode="u=rwX", **given))

    assert (0, 1) == (report.rules[0].failed, report.rules[0].skipped)
    assert "something else is mounted here; write a rule of its own for it" in reasons(report)


def test_what_vanishes_during_the_walk_is_nothing(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that goes between the look and the fix leaves no trace in the report."""
    apply = filesystem.apply

    def apply_late(fix: object, name: str, folder: int) -> None:
        os.unlink(name, dir_fd=folder)
        apply(fix, name, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(filesystem, "apply", apply_late)
    report = mend(rule(str(tree / "*.log"), mode="0600"))

    assert ((), 0) == (report.paths, report.rules[0].seen)


def test_what_changes_between_look_and_fix_is_left_alone(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file under the same name is not the one that was decided on."""
    apply = filesystem.apply

    def apply_late(fix: object, name: str, folder: int) -> None:
        os.rename(name, "aside", src_dir_fd=folder, dst_dir_fd=folder)
        make_file(tree / name)
        apply(fix, name, folder)  # type: ignore[arg-type]

    monkeypatch.setattr(filesystem, "apply", apply_late)
    report = mend(rule(str(tree / "a.log"), mode="0600"))

    assert [Result.SKIPPED] == [path.result for path in report.paths]
    assert 0o644 == mode_of(tree / "a.log") == mode_of(tree / "aside")
