"""The one lock that makes its holder the listener of a state directory, and that of a pass.

``flock`` ends with its holder, however it dies, so there is no stale lock; the file stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from pathlib import Path

import attrs

from supervisor_maint.errors import StateLocked, StoreError
from supervisor_maint.store.files import refusal

_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
# A client that asks who holds the lock has it shared for microseconds: try past that.
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.02
_PID_LENGTH = 32


@attrs.define(eq=False)
class Lock:
    """A lock that is held until ``release`` or the end of the process."""

    path: Path
    _descriptor: int = attrs.field(repr=False)

    def release(self) -> None:
        """Give the lock back; more than once is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


@attrs.frozen
class Holder:
    """Who holds a lock; ``pid`` is None when it has not written its process id yet."""

    pid: int | None


def acquire(path: Path) -> Lock:
    """Take the lock and write our process id into its file.

    Raises StateLocked, which says who holds it, and StoreError when the file cannot be used.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        descriptor = _open(path, os.O_RDWR | os.O_CREAT)
        if _lock(descriptor, fcntl.LOCK_EX) and _is_at(path, descriptor):
            _write_pid(descriptor)
            return Lock(path, descriptor)
        holder = Holder(_pid(descriptor))
        os.close(descriptor)
    raise StateLocked(_already_held(path.parent, holder), pid=holder.pid)


def acquire_folder(path: Path) -> Lock:
    """Lock a state directory itself, as a permission pass does.

    Nothing is written: root may be asked to make a pass beside a listener that is another's,
    and what lies in his folder could be a link to anywhere. Raises StateLocked, and OSError
    when the folder is not there or not ours to open.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
    if _lock(descriptor, fcntl.LOCK_EX):
        return Lock(path, descriptor)
    os.close(descriptor)
    raise StateLocked(
        f"{path}: another permission pass is under way, the listener's or a command's; "
        "nothing was changed; try again when it has ended"
    )


def _write_pid(descriptor: int) -> None:
    """Write who holds the lock. On a full disk it is held, and nobody knows by whom."""
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)


def find_holder(path: Path) -> Holder | None:
    """Tell who holds the lock, or None. Raises StoreError when we may not look."""
    try:
        descriptor = _open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        # Shared: two clients that ask at once do not take each other for the listener.
        if _lock(descriptor, fcntl.LOCK_SH):
            return None
        return Holder(_pid(descriptor))
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _FLAGS, 0o600)
    except FileNotFoundError:
        if flags & os.O_CREAT:
            raise StoreError(
                f"{path.parent}: expected the state directory, found nothing"
            ) from None
        raise
    except OSError as error:
        raise refusal(path, error) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StoreError(f"{path}: expected a regular file as lock; remove what is there")
    return descriptor


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    """Tell whether the file we locked is still the one that everybody else will open."""
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    return False


def _pid(descriptor: int) -> int | None:
    content = os.pread(descriptor, _PID_LENGTH, 0)
    return int(content) if content.strip().isdigit() else None


def _already_held(directory: Path, holder: Holder) -> str:
    who = "a process" if holder.pid is None else f"pid {holder.pid}"
    return (
        f"{directory}: another listener ({who}) works with this state directory; stop it, or "
        "give this one a state_dir of its own"
    )
