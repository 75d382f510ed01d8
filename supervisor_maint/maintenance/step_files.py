"""The files of a step: the lock that makes it one instance at a time, and what its child wrote.

The child inherits the locked descriptor (``flock`` is the open file's, and ends with the last
copy of it), and the lock's file says who the child is. So the next listener finds a child whose
listener died, and waits for it. Who the child is decides, where that is known: programs such as
sudo close descriptors that they do not know, and a daemon that a step started keeps them.

Output goes to a file and not through a pipe: a pipe would end with the listener, and SIGPIPE
then end the child. No limit is set on the file (SIGXFSZ would end the child too); it is cut to
its end from time to time while somebody watches. One thing differs from a pipe: a step that
opens its output anew to write (``>/dev/stderr`` instead of ``>&2``) empties it first.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs

from supervisor_maint.errors import StoreError
from supervisor_maint.maintenance.child_identity import ChildIdentity

# What is kept of the output: its end, for errors come last.
OUTPUT_BYTES = 64 * 1024
# Cut seldom: each cut rewrites OUTPUT_BYTES, and may lose what is written in that moment.
CUT_ABOVE_BYTES = 16 * OUTPUT_BYTES
_OPEN = os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_OURS_ALONE = 0o600
_RECORD_BYTES = 4096


@attrs.frozen(kw_only=True)
class LivingChild:
    """The child of a step that lives now.

    ``identity`` is None when a listener died in the instant between starting it and writing
    down who it is. ``summary_folder`` goes when the child is gone.
    """

    identity: ChildIdentity | None = None
    timeout_seconds: float | None = None
    summary_folder: str | None = None

    def to_json(self) -> bytes:
        """Return it as the lock's file holds it."""
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> LivingChild:
        """Read what a lock's file holds. Raises ValueError when it names nobody."""
        try:
            document: dict[str, Any] = json.loads(content)
            identity = ChildIdentity(**document.pop("identity"))
            return cls(identity=identity, **document)
        except (TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"expected who the child is, found {content!r}") from error


@attrs.define(eq=False)
class StepLock:
    """The lock, held until ``release``, or until ``leave`` and the end of who inherited it."""

    descriptor: int

    def write(self, child: LivingChild) -> None:
        """Write down who inherited it. Raises OSError."""
        os.pwrite(self.descriptor, child.to_json(), 0)

    def release(self) -> None:
        """Give it back for all that hold a copy of it."""
        with contextlib.suppress(OSError):  # a disk that fails: who the child was is enough
            os.ftruncate(self.descriptor, 0)
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        os.close(self.descriptor)

    def leave(self) -> None:
        """Leave it to those that hold a copy of it."""
        os.close(self.descriptor)


@attrs.define(eq=False)
class StepOutput:
    """What the newest child of a step wrote; it is kept until the next one starts."""

    path: Path
    _cut_bytes: int = attrs.field(default=0, init=False)

    def create(self) -> int:
        """Open a new file for a child to append to. Raises OSError.

        What an earlier child left running goes on writing to a file without a name.
        """
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()
        self._cut_bytes = 0
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_EXCL | _OPEN, _OURS_ALONE)

    def cut(self) -> None:
        """Cut a file that has grown too large down to its end."""
        with contextlib.suppress(OSError), self.path.open("r+b", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if size > CUT_ABOVE_BYTES:
                file.seek(-OUTPUT_BYTES, os.SEEK_END)
                end = file.read(OUTPUT_BYTES)
                file.truncate(0)
                file.seek(0)
                file.write(end)
                self._cut_bytes += size - len(end)

    def read(self) -> tuple[str, int]:
        """Return the end of what was written, and how many bytes there were, at least."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - OUTPUT_BYTES))
                return file.read(OUTPUT_BYTES).decode("utf-8", "replace"), size + self._cut_bytes
        except OSError:
            return "", self._cut_bytes


@attrs.frozen
class StepFiles:
    """Where the files of a step are, in a folder that belongs to the listener alone."""

    folder: Path
    step: str

    @property
    def lock_path(self) -> Path:
        """The file whose lock the child inherits."""
        return self.folder / f"{quote(self.step, safe='')}.lock"

    @property
    def output_path(self) -> Path:
        """The file that the child writes to."""
        return self.folder / f"{quote(self.step, safe='')}.output"

    def find_child(self) -> LivingChild | None:
        """Return the child of the step that lives, or None. Raises StoreError."""
        with _explained(self.lock_path):
            try:
                descriptor = os.open(self.lock_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                return None
            try:
                return _child_of(descriptor)
            finally:
                os.close(descriptor)

    def lock(self) -> StepLock:
        """Take the lock of a step without a living child. Raises StoreError."""
        with _explained(self.lock_path):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = self._locked()
            if descriptor is None:  # held by what a child that is gone has left running
                self.lock_path.unlink()
                descriptor = self._locked()
        if descriptor is None:
            raise StoreError(f"{self.lock_path}: expected a free lock, found it taken")
        return StepLock(descriptor)

    def _locked(self) -> int | None:
        descriptor = os.open(self.lock_path, os.O_RDWR | _OPEN, _OURS_ALONE)
        if not _lock(descriptor, fcntl.LOCK_EX):
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        return descriptor

    def clean(self) -> None:
        """Remove what a child that is gone needs no more: the summary it could read."""
        with contextlib.suppress(OSError, ValueError):
            folder = LivingChild.from_json(self.lock_path.read_bytes()).summary_folder
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


def _child_of(descriptor: int) -> LivingChild | None:
    try:
        child = LivingChild.from_json(os.pread(descriptor, _RECORD_BYTES, 0))
    except ValueError:
        return None if _lock(descriptor, fcntl.LOCK_SH) else LivingChild()
    return child if child.identity is not None and child.identity.is_alive() else None


def _lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(f"{path}: {reason}; no step is started without its lock") from error
