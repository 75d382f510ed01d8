"""The bell: a FIFO that a client rings after it has left a request.

What is in the FIFO means nothing; it only wakes. Without a listener nobody has it open for
reading, which is how a client learns that there is none.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

import attrs

from supervisor_maint.errors import ListenerAbsent, StoreError
from supervisor_maint.store.files import refusal

_FLAGS = os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK_BYTES = 4096


@attrs.define(eq=False)
class Bell:
    """The listener's end. Our own writer is kept open, so that it never reads an end of file."""

    path: Path
    _reader: int = attrs.field(init=False, default=-1, repr=False)
    _writer: int = attrs.field(init=False, default=-1, repr=False)

    def open(self) -> None:
        """Make the FIFO if need be and listen. Raises StoreError.

        What else is at its place is removed if it is ours.
        """
        try:
            _make_fifo(self.path)
            self._reader = os.open(self.path, os.O_RDONLY | _FLAGS)
            self._writer = os.open(self.path, os.O_WRONLY | _FLAGS)
        except OSError as error:
            self.close()
            raise refusal(self.path, error) from error

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when somebody rings."""
        return self._reader

    def drain(self) -> None:
        """Take every ring there is, so that only the next one wakes."""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._reader, _CHUNK_BYTES):
                pass

    def close(self) -> None:
        """Stop listening; the FIFO stays for the next listener. More than once is fine."""
        for descriptor in (self._reader, self._writer):
            if descriptor >= 0:
                os.close(descriptor)
        self._reader = self._writer = -1


def ring(path: Path) -> None:
    """Wake the listener. Raises ListenerAbsent, and StoreError when we may not."""
    try:
        writer = os.open(path, os.O_WRONLY | _FLAGS)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _absent(path) from error
    except OSError as error:
        if error.errno == errno.ENXIO:  # a FIFO that nobody reads, fifo(7)
            raise _absent(path) from error
        raise refusal(path, error) from error
    try:
        _write(path, writer)
    finally:
        os.close(writer)


def _write(path: Path, writer: int) -> None:
    if not stat.S_ISFIFO(os.fstat(writer).st_mode):
        raise StoreError(f"{path}: expected the FIFO of a listener, found something else")
    try:
        os.write(writer, b"\n")
    except BlockingIOError:
        return  # full: it has been rung 65,536 times and will wake
    except BrokenPipeError as error:
        raise _absent(path) from error


def _absent(path: Path) -> ListenerAbsent:
    return ListenerAbsent(
        f"the listener is not running (nobody answers at {path}): supervisorctl status shows why; "
        "nothing was changed"
    )


def _make_fifo(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        status = path.lstat()
        if status.st_uid != os.geteuid():
            raise StoreError(
                f"{path}: expected a FIFO of uid {os.geteuid()}, found something of uid "
                f"{status.st_uid}; remove it"
            )
        if stat.S_ISFIFO(status.st_mode):
            return
        path.unlink()
    os.mkfifo(path, 0o600)
