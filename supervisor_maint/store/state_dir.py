"""The directory that holds everything a listener remembers: one listener, one directory.

It belongs to the user the listener runs as, and nobody else may look into it or put anything
there: requests in it are obeyed, and a link in it would be followed by root.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import attrs

from supervisor_maint.errors import StoreError
from supervisor_maint.store import locking
from supervisor_maint.store.files import refusal

logger = logging.getLogger(__name__)

_OURS_ALONE = 0o700


def _absolute(path: Path | str) -> Path:
    return Path(path).absolute()


@attrs.frozen
class StateDir:
    """A state directory and the places in it."""

    path: Path = attrs.field(converter=_absolute)

    @property
    def journal(self) -> Path:
        """The SQLite file of the open run, holds and last runs."""
        return self.path / "journal.sqlite"

    @property
    def history(self) -> Path:
        """The SQLite file of counters, snapshots, reports and runs."""
        return self.path / "history.sqlite"

    @property
    def lock_file(self) -> Path:
        """The file whose lock makes its holder the listener."""
        return self.path / "listener.lock"

    @property
    def requests(self) -> Path:
        """The folder clients put requests into."""
        return self.path / "requests"

    @property
    def wake(self) -> Path:
        """The FIFO that wakes the listener."""
        return self.path / "wake"

    @property
    def status(self) -> Path:
        """What the listener last published."""
        return self.path / "status.json"

    def prepare(self) -> None:
        """Make the directory and its folders, or see that they can be trusted.

        Missing parents are made with the usual mode. One of ours that others can read is
        closed to them. Raises StoreError for a link, a foreign owner, and when others can write.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(self.path.parent, error) from error
        _warn_of_strangers(self.path.parent)
        _prepare(self.path)
        _prepare(self.requests)

    def lock(self) -> locking.Lock:
        """Become the listener of this directory. Raises StateLocked, StoreError."""
        return locking.acquire(self.lock_file)

    def is_held(self) -> bool:
        """Tell whether a listener lives, without disturbing it. Raises StoreError."""
        return locking.find_holder(self.lock_file) is not None

    def holder(self) -> int | None:
        """Return the process id of the listener, or None if there is none or it is unknown."""
        holder = locking.find_holder(self.lock_file)
        return holder.pid if holder else None


def _prepare(path: Path) -> None:
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
