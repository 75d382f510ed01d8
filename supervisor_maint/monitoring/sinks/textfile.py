"""A file for node_exporter's textfile collector, replaced as a whole.

No fsync: every report is whole again within a push interval, and a sync can block for seconds
on a busy disk. No timestamps: the collector refuses a file that has any.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs

from supervisor_maint.errors import SinkError
from supervisor_maint.monitoring.exposition import with_label

# Owned by us, never through a link: in a directory that others can write, whoever put a link
# at our temporary name would choose which file root overwrites.
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODES = range(0o400, 0o1000)


@attrs.frozen(kw_only=True)
class TextfileTarget:
    """Which file to write. ``mode`` holds whatever the umask: node_exporter is another user.

    ``supervisor`` is a label on every sample: node_exporter takes samples that are alike in two
    files for one.
    """

    path: str = attrs.field()
    mode: int = attrs.field(default=0o644)
    supervisor: str | None = None
    delete_on_stop: bool = False

    @path.validator
    def _check_path(self, _attribute: object, path: str) -> None:
        if not path.startswith("/") or not path.endswith(".prom") or path.endswith("/.prom"):
            raise ValueError(f"expected an absolute path that ends in NAME.prom, found {path!r}")

    @mode.validator
    def _check_mode(self, _attribute: object, mode: int) -> None:
        if mode not in _MODES:
            raise ValueError(f"expected a mode from 0400 to 0777, found {mode:04o}")


class TextfileSink:
    """Writes each report to one file; what reads it sees the old one or the new one, whole.

    ``name`` labels its metrics.
    """

    def __init__(self, target: TextfileTarget, *, name: str = "textfile") -> None:
        self.name = name
        self._target = target
        self._path = Path(target.path)
        # One fixed name, so that a listener killed in the middle leaves no trail; and no .prom
        # at its end, or the collector would read half a file.
        self._temporary = self._path.with_name(f".{self._path.name}.new")

    def write(self, exposition: bytes) -> None:
        """Replace the file by the report. Raises SinkError."""
        if self._target.supervisor is not None:
            exposition = with_label(exposition, "supervisor", self._target.supervisor)
        try:
            self._temporary.unlink(missing_ok=True)
            self._create(exposition)
            self._temporary.replace(self._path)
        except OSError as error:
            raise SinkError(self._explain(error)) from error

    def close(self) -> None:
        """Remove the file if asked to; otherwise it stays, and its heartbeat grows old.

        Raises SinkError.
        """
        if not self._target.delete_on_stop:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise SinkError(f"cannot remove {self._target.path}: {error.strerror}") from error

    def _create(self, exposition: bytes) -> None:
        """Write the temporary file, or leave none."""
        descriptor = os.open(self._temporary, _NEW_FILE, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, self._target.mode)
                file.write(exposition)
        except OSError:
            self._temporary.unlink(missing_ok=True)
            raise

    def _explain(self, error: OSError) -> str:
        """Say what went wrong in a sentence that names what to change."""
        place, directory = self._target.path, self._path.parent
        if isinstance(error, FileNotFoundError):
            return f"cannot write {place}: the directory {directory} does not exist; create it"
        if isinstance(error, PermissionError):
            return (
                f"cannot write {place}: {error.strerror}; "
                f"let user id {os.geteuid()} write the directory {directory}"
            )
        if isinstance(error, IsADirectoryError):
            return f"cannot write {place}: it is a directory; expected a file, or nothing yet"
        return f"cannot write {place}: {error.strerror}"
