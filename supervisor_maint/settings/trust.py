"""Whom a file can be trusted to: who may change it, and who may read it. Looks at modes only.

A configuration names programs and files that root will touch, so whoever can change it is root.
A symlink can be changed where it lies, and a file by whoever can rename in a folder above it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from supervisor_maint.accounts import user_name

_ROOT = 0
_MOST_LINKS = 40  # the kernel's own limit (path_resolution(7))


def writers(path: Path) -> str | None:
    """Say who besides root and the owner can change the file; None when nobody can.

    Every folder on the way and every symlink's target is looked at. In a sticky folder nobody
    can replace another's file, so there only the owner counts. Raises OSError.
    """
    file = path
    for folder, file in _steps(path):
        reason = _folder_writers(folder, file)
        if reason is not None:
            return reason
    return _mode_writers(file, file.stat())


def _steps(path: Path) -> Iterator[tuple[Path, Path]]:
    """Walk from the root to the file: each folder with what is looked up in it, links followed."""
    current, pending = Path("/"), list(path.absolute().parts[1:])
    links = 0
    while pending:
        part = pending.pop(0)
        child = current / part
        if part == "..":
            current = current.parent
            continue
        yield current, child
        if links < _MOST_LINKS and child.is_symlink():
            links += 1
            target = child.readlink()
            current = Path("/") if target.is_absolute() else current
            pending = [*(part for part in target.parts if part != "/"), *pending]
        else:
            current = child


def _folder_writers(folder: Path, child: Path) -> str | None:
    status = folder.stat()
    reason = _mode_writers(folder, status)
    if reason is None or not status.st_mode & stat.S_ISVTX:
        return reason
    owner = child.lstat().st_uid
    if owner in {_ROOT, status.st_uid, os.geteuid()}:
        return None
    return f"{reason}, and user {owner} owns {child.name} in it"


def _mode_writers(path: Path, status: os.stat_result) -> str | None:
    shown = f"{path} (mode {stat.S_IMODE(status.st_mode):04o})"
    if status.st_mode & stat.S_IWOTH:
        return f"everyone can write to {shown}"
    if status.st_mode & stat.S_IWGRP and status.st_gid != _ROOT:
        return f"group {status.st_gid} can write to {shown}"
    return None


def stranger(path: Path) -> str | None:
    """Return the owner of a file that is not root's; None when it is. Raises OSError."""
    owner = path.stat().st_uid
    return None if owner == _ROOT else user_name(owner)


def readers(path: Path) -> str | None:
    """Say how far a secret file is open to others than its owner; None when it is not.

    Raises OSError.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    return f"mode {mode:04o}" if mode & (stat.S_IRWXG | stat.S_IRWXO) else None
