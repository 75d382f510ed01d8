"""The line about a run is put where it was asked for, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor_maint.errors import StoreError
from supervisor_maint.store.files import append_line
from tests.fakes.full_disk import full_disk


def test_lines_are_added(tmp_path: Path) -> None:
    """Each is a line of its own; people and logrotate may read a new file."""
    log = tmp_path / "restart.log"
    append_line(log, "first é")
    append_line(log, "second")

    assert "first é\nsecond\n" == log.read_text(encoding="utf-8")
    assert 0 == log.stat().st_mode & 0o133


def _link(log: Path, other: Path) -> None:
    log.symlink_to(other)


def _second_name(log: Path, other: Path) -> None:
    os.link(other, log)


def _fifo(log: Path, other: Path) -> None:
    os.mkfifo(log)


def _folder(log: Path, other: Path) -> None:
    log.mkdir()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (_link, "expected no symbolic link, found one; move it away"),
        (_second_name, "expected a regular file with one name"),
        (_fifo, ""),
        (_folder, "is a directory"),
    ],
)
def test_what_is_no_file_of_its_own_is_refused(
    tmp_path: Path, make: Callable[[Path, Path], None], reason: str
) -> None:
    """Root's line must not lead into somebody's trap: it is refused with the path and why."""
    log, other = tmp_path / "restart.log", tmp_path / "other"
    other.write_text("of somebody\n")
    make(log, other)

    with pytest.raises(StoreError) as refused:
        append_line(log, "a line")

    assert str(refused.value).startswith(f"{log}: ")
    assert reason in str(refused.value)
    assert "of somebody\n" == other.read_text()


def test_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The folder is the operator's to make."""
    with pytest.raises(StoreError, match="no such file or directory"):
        append_line(tmp_path / "no" / "restart.log", "a line")


def test_line_that_does_not_fit_is_told(tmp_path: Path) -> None:
    """What does not fit is told."""
    log = tmp_path / "restart.log"
    log.touch()
    with full_disk(), pytest.raises(StoreError, match="file too large"):
        append_line(log, "a line" * 10_000)
