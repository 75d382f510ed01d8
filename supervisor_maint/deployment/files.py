"""The files: those that come with the package, and those of the folder they are laid out in.

Nothing is reached through a symbolic link, at no level of the folder: root may be the one who
writes. A file is replaced whole, and nobody but its owner can change it.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.resources
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from supervisor_maint.errors import DeploymentError

if TYPE_CHECKING:
    from importlib.abc import Traversable

_NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | _NO_LINK
# O_NONBLOCK: a FIFO in the place of a file must not make us wait for its writer.
_READ = os.O_RDONLY | os.O_NONBLOCK | _NO_LINK
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK
_FOLDER_MODE = 0o755
_FILE_MODE = 0o644


def shipped() -> Mapping[str, str]:
    """Return the texts of the files that come with the package, by their path in ``conf.d``."""
    root = importlib.resources.files("supervisor_maint").joinpath("conf_d")
    return dict(_texts(root, ""))


def _texts(folder: Traversable, prefix: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _texts(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry.read_text(encoding="utf-8")


def present(root: Path, file: str) -> str | None:
    """Return the text of a file below the root; None when it is not there.

    Raises DeploymentError for a link, for what is no regular file, and when it cannot be read.
    """
    try:
        with _opened(root, file, makes=False) as (folder, name):
            return _read(folder, name)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeError) as error:
        raise _refusal(root / file, error) from error


def replace(root: Path, file: str, text: str) -> None:
    """Write a file below the root, which is made if need be, whole or not at all.

    It keeps its group and a narrower mode than 0644. Raises DeploymentError.
    """
    try:
        root.mkdir(_FOLDER_MODE, exist_ok=True)
        with _opened(root, file, makes=True) as (folder, name):
            _write(folder, name, text.encode("utf-8"))
    except OSError as error:
        raise _refusal(root / file, error) from error


@contextlib.contextmanager
def _opened(root: Path, file: str, *, makes: bool) -> Iterator[tuple[int, str]]:
    """Open the folder of a file as a descriptor, one level after the other. Raises OSError."""
    *folders, name = file.split("/")
    with contextlib.ExitStack() as stack:
        descriptor = os.open(root, _FOLDER)
        stack.callback(os.close, descriptor)
        for each in folders:
            if makes:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(each, _FOLDER_MODE, dir_fd=descriptor)
            descriptor = os.open(each, _FOLDER, dir_fd=descriptor)
            stack.callback(os.close, descriptor)
        yield descriptor, name


def _read(folder: int, name: str) -> str:
    with open(os.open(name, _READ, dir_fd=folder), "rb") as file:  # noqa: PTH123 - a descriptor
        _check_regular(os.fstat(file.fileno()))
        return file.read().decode("utf-8")


def _write(folder: int, name: str, content: bytes) -> None:
    mode, group = _FILE_MODE, -1
    with contextlib.suppress(FileNotFoundError):
        before = os.stat(name, dir_fd=folder, follow_symlinks=False)
        _check_regular(before)
        mode, group = stat.S_IMODE(before.st_mode) & _FILE_MODE, before.st_gid
    temporary = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)
    descriptor = os.open(temporary, _CREATE, 0o600, dir_fd=folder)
    with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
        file.write(content)
        file.flush()
        if os.geteuid() == 0:
            os.fchown(descriptor, -1, group)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "expected a regular file")


def _refusal(path: Path, error: Exception) -> DeploymentError:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ELOOP, errno.ENOTDIR):
        return DeploymentError(
            f"{path}: expected files and folders only, found a symbolic link on the way: name "
            "what it leads to, or remove it"
        )
    reason = error.strerror if isinstance(error, OSError) else None
    return DeploymentError(f"{path}: {(reason or str(error)).lower()}")
