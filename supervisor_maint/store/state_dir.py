"""The directory that holds everything a listener remembers: one listener, one directory.

It belongs to the user the listener runs as, and nobody else may look into it or put anything
there: requests in it are obeyed, and a link in it would be followed by root.
"""

from __future__ import annotations

from pathlib import Path

import attrs

from supervisor_maint.store import locking


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
        # Who only looks, many times an hour, does without what making them takes.
        from supervisor_maint.store import own_directories

        own_directories.make_parents(self.path.parent)
        own_directories.prepare(self.path)
        own_directories.prepare(self.requests)

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
