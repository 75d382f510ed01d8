"""Facts, passes and files as the tests of permissions make them."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from supervisor_maint.permissions.facts import ABOVE_EVERYTHING, Facts, Surroundings
from supervisor_maint.permissions.passes import run_pass
from supervisor_maint.permissions.report import PassReport
from supervisor_maint.permissions.rules import Rule

NOBODY = 65534
MALLORY = 4_000_001  # no account: nobody can log in with it
KEEPER = 4_000_002

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change owners")

PRIVATE = ABOVE_EVERYTHING
OWNERS = Surroundings(is_private=True, is_roots=False)
SHARED = Surroundings(is_private=False, is_roots=False)


def facts(kind: int = stat.S_IFREG, mode: int = 0o644, **given: int) -> Facts:
    """Make facts of a file of root's."""
    return Facts(
        **{
            "device": 1,
            "inode": 2,
            "mode": kind | mode,
            "links": 1,
            "owner": 0,
            "group": 0,
            **given,
        }
    )


def mend(*rules: Rule, **given: Any) -> PassReport:
    """Run a pass."""
    options = {"supervisor_logs": None, "is_dry_run": False, "clock": lambda: 1000.0, **given}
    return run_pass(rules, **options)


def mode_of(path: Path) -> int:
    """Return the permissions of what is at a path, a link itself included."""
    return stat.S_IMODE(path.lstat().st_mode)


def owner_of(path: Path) -> tuple[int, int]:
    """Return the owner and the group of what is at a path, a link itself included."""
    status = path.lstat()
    return status.st_uid, status.st_gid


def make_file(path: Path, mode: int = 0o644, content: str = "") -> Path:
    """Write a file with a mode, its folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    return path


def make_tree(folder: Path) -> Path:
    """Make a folder with a file of mode 0644 at each of three depths."""
    for name in ("a.log", "one/b.log", "one/two/c.log"):
        make_file(folder / name)
    return folder


def reasons(report: PassReport) -> Sequence[str]:
    """Return why each listed path was not mended."""
    return [path.reason for path in report.paths]
