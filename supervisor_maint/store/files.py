"""Files of the state directory, opened so that no symbolic link leads elsewhere.

The listener and its clients often run as root. Every file is opened relative to a directory
that was opened as a directory (``O_NOFOLLOW``), and must itself be a regular file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from supervisor_maint.errors import StoreError

_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO put in the place of a file must not make us wait for its writer.
_READ = os.O_RDONLY | os.O_NONBLOCK | _NO_LINK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK

_CURES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "the disk quota is used up; free some space, or raise it",
    errno.EROFS: "the file system is read-only; make it writable, or set another state_dir",
    errno.ELOOP: "expected no symbolic link, found one; move it away",
    errno.ENOTDIR: "expected a directory, found a file or a symbolic link; move it away",
    errno.EMFILE: "too many files are open; raise minfds in [supervisord]",
}


class NoRegularFile(StoreError):
    """Something else than a regular file of an acceptable size is in its place."""


def refusal(path: Path | str, error: OSError) -> StoreError:
    """Return the sentence for a file that the system does not let us use."""
    return StoreError(f"{path}: {reason(error)}")


def reason(error: OSError) -> str:
    """Say why the system does not let us, and what to do about it where that is known."""
    if isinstance(error, PermissionError):
        return (
            f"not permitted for uid {os.geteuid()}; run this as root or as the user that the "
            "listener runs as"
        )
    return _CURES.get(error.errno or 0) or (error.strerror or str(error)).lower()


def free_bytes(path: Path) -> int | None:
    """Return the room that is left to us where a file or folder is; None when nobody can tell."""
    try:
        status = os.statvfs(path)
    except OSError:
        return None
    if not status.f_blocks:  # a file system without a size
        return None
    return status.f_frsize * (status.f_bfree if os.geteuid() == 0 else status.f_bavail)


@contextlib.contextmanager
def opened_directory(path: Path) -> Iterator[int]:
    """Open a directory, which is no symbolic link, for use as ``dir_fd``. Raises OSError."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _NO_LINK)
    try:
        yield directory
    finally:
        os.close(directory)


def create(name: str, content: bytes, directory: int, *, mode: int = 0o600) -> None:
    """Write a new file whose owner is the directory's, or us. Raises OSError when it exists.

    A file that root makes for a listener that runs as somebody else must be readable there.
    """
    descriptor = os.open(name, _CREATE, mode, dir_fd=directory)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
        home = os.fstat(directory)
        if os.geteuid() == 0 and home.st_uid != 0:
            os.fchown(descriptor, home.st_uid, home.st_gid)
        file.write(content)


def replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another, so that a reader sees the old or the new one whole.

    One writer at a time. Not synced: what is written this way means nothing after a crash of
    the host. Raises OSError.
    """
    temporary = f".{path.name}.new"
    with opened_directory(path.parent) as directory:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)
        create(temporary, content, directory)
        os.rename(temporary, path.name, src_dir_fd=directory, dst_dir_fd=directory)


def append_line(path: Path, line: str) -> None:
    """Add a line to a file that people and logrotate look at; 0644 when it is new.

    Raises StoreError, also for a symbolic link in its place, a second name of somebody's file,
    and a FIFO.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | _NO_LINK
    try:
        with open(os.open(path, flags, 0o644), "wb") as file:  # noqa: PTH123 - a descriptor
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                raise NoRegularFile(f"{path}: expected a regular file with one name; move it away")
            file.write(line.encode("utf-8", "replace") + b"\n")
    except OSError as error:
        raise refusal(path, error) from error


def read(name: str, directory: int, *, size_limit: int) -> tuple[bytes, os.stat_result]:
    """Read a regular file of at most ``size_limit`` bytes, and tell what it is.

    Raises OSError, and NoRegularFile for everything that is none or too big.
    """
    descriptor = os.open(name, _READ, dir_fd=directory)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NoRegularFile(f"{name}: expected a regular file")
        content = file.read(size_limit + 1)
    if len(content) > size_limit:
        raise NoRegularFile(f"{name}: expected at most {size_limit} bytes, found more")
    return content, status
