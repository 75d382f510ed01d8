"""Directories that are ours alone: made, or seen to be such that they can be trusted."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from supervisor_maint.errors import StoreError
from supervisor_maint.store.files import refusal

logger = logging.getLogger(__name__)

_OURS_ALONE = 0o700


def make_parents(directory: Path) -> None:
    """Make a directory that ours will be in, with the usual mode. Raises StoreError."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(directory, error) from error
    _warn_of_strangers(directory)


def prepare(path: Path) -> None:
    """Make a directory for us alone, or close the one that is there to others.

    Raises StoreError for a link, a foreign owner, and when others can write.
    """
    try:
        path.mkdir(mode=_OURS_ALONE)
    except FileExistsError:
        pass
    except OSError as error:
        raise refusal(path, error) from error
    status = path.lstat()
    _check_kind(path, status)
    _check_owner(path, status)
    _check_mode(path, status)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StoreError(
            f"{path}: expected a directory that uid {os.geteuid()} can write; chown it to the "
            "user that the listener runs as"
        )


def _check_kind(path: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise StoreError(
            f"{path}: expected a directory, found a symbolic link to {os.readlink(path)!r}; "  # noqa: PTH115
            "name the directory itself"
        )
    if not stat.S_ISDIR(status.st_mode):
        raise StoreError(f"{path}: expected a directory, found a file; name another state_dir")


def _check_owner(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise StoreError(
            f"{path}: expected a directory of uid {os.geteuid()}, found one of uid "
            f"{status.st_uid}, who could lead us anywhere; chown it, or name another state_dir"
        )


def _check_mode(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StoreError(
            f"{path}: others can write to it (mode {mode:04o}); look through what is in it, then "
            f"chmod 0700 it"
        )
    if status.st_uid == os.geteuid() and mode & ~_OURS_ALONE & 0o777:
        logger.info("close %s to others: mode %04o becomes 0700", path, mode)
        path.chmod(_OURS_ALONE)


def _warn_of_strangers(directory: Path) -> None:
    """Say so when somebody could put another directory in the place of ours."""
    for parent in (directory, *directory.parents):
        status = parent.stat()
        is_sticky = bool(status.st_mode & stat.S_ISVTX)
        is_open = bool(status.st_mode & stat.S_IWOTH) and not is_sticky
        if is_open or status.st_uid not in (0, os.geteuid()):
            logger.warning(
                "others can replace what is in %s (uid %d, mode %04o), the state included; "
                "a state_dir in /var/lib is safe",
                parent,
                status.st_uid,
                stat.S_IMODE(status.st_mode),
            )
            return
