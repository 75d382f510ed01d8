"""Where clients leave their requests: one small file each, in a folder of the state directory.

Only the listener acts. Whoever removes the file decides: the listener carries out a request
only if its removal succeeded, and a client whose removal succeeded has taken it back.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import attrs

from supervisor_maint.errors import ListenerAbsent
from supervisor_maint.store import requests
from supervisor_maint.store.files import (
    NoRegularFile,
    create,
    opened_directory,
    read,
    reason,
    refusal,
)
from supervisor_maint.store.requests import Rejected, Request

_SUFFIX = ".json"
_SIZE_LIMIT = 64 * 1024
# What a client that died in the middle of writing has left; writing takes milliseconds.
_ABANDONED_AFTER_SECONDS = 3600.0


@attrs.define(eq=False)
class Mailbox:
    """The folder of requests, for both sides."""

    directory: Path
    _immovable: set[str] = attrs.field(init=False, factory=set, repr=False)

    def post(self, request: Request) -> None:
        """Leave a request. Raises ListenerAbsent without a state directory, and StoreError."""
        content = requests.encode(request).encode("ascii")
        temporary = f".{request.id}"
        try:
            with opened_directory(self.directory) as directory:
                create(temporary, content, directory)
                # The clock's own time: two quick ones would share a tick of the file system's.
                instant = time.time_ns()
                os.utime(temporary, ns=(instant, instant), dir_fd=directory)
                name = request.id + _SUFFIX
                os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except FileNotFoundError as error:
            raise ListenerAbsent(
                f"no listener has ever worked in {self.directory.parent}; nothing was changed"
            ) from error
        except OSError as error:
            raise refusal(self.directory, error) from error

    def withdraw(self, request_id: str) -> bool:
        """Take a request back; False when the listener has it already. Raises StoreError."""
        try:
            with opened_directory(self.directory) as directory:
                os.unlink(request_id + _SUFFIX, dir_fd=directory)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise refusal(self.directory, error) from error
        return True

    def collect(self) -> list[Request | Rejected]:
        """Take every request, the oldest first; what is none is removed and reported.

        Raises StoreError when the folder itself cannot be read.
        """
        try:
            with opened_directory(self.directory) as directory:
                taken = [self._take(name, directory) for name in self._names(directory)]
        except OSError as error:
            raise refusal(self.directory, error) from error
        return [received for received in taken if received is not None]

    def _names(self, directory: int) -> list[str]:
        aged = []
        for name in os.listdir(directory):
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(name, dir_fd=directory, follow_symlinks=False)
                aged.append((status.st_mtime_ns, name))
        abandoned_at = time.time_ns() - int(_ABANDONED_AFTER_SECONDS * 1e9)
        return [
            name
            for modified_at, name in sorted(aged)
            if name not in self._immovable and (name[0] != "." or modified_at < abandoned_at)
        ]

    def _take(self, name: str, directory: int) -> Request | Rejected | None:
        received = _read(name, directory)
        try:
            _remove(name, directory)
        except FileNotFoundError:
            return None  # its client took it back
        except OSError as error:
            self._immovable.add(name)
            return Rejected(
                source=name,
                reason=f"{self.directory / name} cannot be removed, so it is not obeyed: "
                f"{reason(error)}; remove it by hand",
            )
        return received


def _read(name: str, directory: int) -> Request | Rejected:
    if name.startswith("."):
        return Rejected(source=name, reason=f"{name} was left by a client that died writing it")
    try:
        content, status = read(name, directory, size_limit=_SIZE_LIMIT)
        text = content.decode("utf-8")
    except NoRegularFile as error:
        return Rejected(source=name, reason=f"{error.msg}; dropped")
    except UnicodeDecodeError:
        return Rejected(source=name, reason=f"{name}: expected UTF-8, found other bytes; dropped")
    except OSError as error:
        return Rejected(
            source=name, reason=f"{name} cannot be read, and is dropped: {reason(error)}"
        )
    if status.st_uid not in (0, os.geteuid()):
        return Rejected(
            source=name,
            reason=f"{name} belongs to uid {status.st_uid}, not to root or {os.geteuid()}; dropped",
        )
    return requests.decode(text, source=name)


def _remove(name: str, directory: int) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except IsADirectoryError:
        os.rmdir(name, dir_fd=directory)
