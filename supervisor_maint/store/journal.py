"""The journal: what must be known after a crash so that nothing stays stopped because of us.

Every write is on the disk before it returns. A journal that cannot be read is set aside, and
the new one says that no run may start until somebody resumes: holds may have been lost with it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

import attrs

from supervisor_maint.errors import StoreAbsent, StoreDamaged, StoreError
from supervisor_maint.store import documents, files
from supervisor_maint.store.aside import find_aside, set_aside
from supervisor_maint.store.database import (
    Database,
    check_version,
    open_readonly,
    read_version,
    translated,
)
from supervisor_maint.store.records import Hold, JournalState, LastRun
from supervisor_maint.store.schema import JOURNAL

_SAVE_RUN = (
    "INSERT INTO run (slot, revision, document) VALUES (1, 1, ?) ON CONFLICT (slot) "
    "DO UPDATE SET revision = revision + 1, document = excluded.document"
)
_EVERY_PLAN = ""
# A run of 1000 processes has 0.6 MB in the journal and 1.2 MB in the history; both write what
# changed into a log first, which SQLite takes back at 4 MB (sqlite.org/wal.html).
LEAST_FREE_BYTES = 16 * 2**20


@attrs.define(eq=False)
class Journal:
    """The journal of one listener, opened when first used.

    Every method raises StoreError when the journal cannot be read or written, and StoreDamaged
    when it just had to be begun anew: ``load`` then tells what is left.
    """

    path: Path
    clock: Callable[[], float] = time.time
    free_bytes: Callable[[Path], int | None] = files.free_bytes
    _database: Database = attrs.field(init=False, repr=False)
    _damage: str | None = attrs.field(init=False, default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        self._database = Database(path=self.path, schema=JOURNAL, on_begin=self._begin)

    def load(self) -> JournalState:
        """Read everything. A damaged journal is set aside and a new one read."""
        try:
            return self._read()
        except StoreDamaged as damage:
            self._set_aside(damage)
            return self._read()

    def read_newer_run(self) -> dict[str, Any] | None:
        """Return the open run of a journal that a newer program wrote, to start what it stopped.

        Raises StoreError. Every version keeps the run where this one does.
        """
        with contextlib.closing(open_readonly(self.path)) as connection, translated(self.path):
            row = connection.execute("SELECT document FROM run WHERE slot = 1").fetchone()
        with _believed(self.path):
            return documents.decode_document(row[0]) if row and row[0] else None

    def save_run(self, run: Mapping[str, Any] | None, *, finished: LastRun | None = None) -> int:
        """Replace the open run, None when there is none any more, and return its revision.

        ``finished`` is recorded in the same transaction, or a crash between the two would run
        the plan a second time.
        """
        text = None if run is None else documents.encode(run)
        with self._writing() as connection:
            connection.execute(_SAVE_RUN, (text,))
            if finished is not None:
                _record(connection, self.path, finished)
            (revision,) = connection.execute("SELECT revision FROM run").fetchone()
        return int(revision)

    def save_hold(self, hold: Hold) -> None:
        """Hold a plan, or every plan; an earlier hold of the same is replaced."""
        text = documents.encode(attrs.asdict(hold))
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO holds (plan, document) VALUES (?, ?)",
                (hold.plan or _EVERY_PLAN, text),
            )

    def drop_hold(self, plan: str | None) -> bool:
        """End the hold of a plan, or the one of every plan; False when there was none."""
        with self._writing() as connection:
            found = connection.execute("DELETE FROM holds WHERE plan = ?", (plan or _EVERY_PLAN,))
        return found.rowcount > 0

    def record_plan(self, last_run: LastRun) -> None:
        """Write down how a plan ran, or that it was skipped."""
        with self._writing() as connection:
            _record(connection, self.path, last_run)

    def clear_needs_resume(self) -> None:
        """Let runs start again after a journal had been lost."""
        with self._writing() as connection:
            connection.execute("DELETE FROM notes WHERE name = 'needs_resume'")

    def check_writable(self) -> None:
        """Write something for the sake of it; raises StoreError when no run should start.

        So it does when a run that begins may find the disk full before its end.
        """
        free = self.free_bytes(self.path.parent)
        if free is not None and free < LEAST_FREE_BYTES:
            raise StoreError(
                f"{self.path.parent}: expected {LEAST_FREE_BYTES / 2**20:.0f} MiB free for what a "
                f"run writes, found {free / 2**20:.1f} MiB; free some space"
            )
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO notes (name, value) VALUES ('checked_at', ?)",
                (str(self.clock()),),
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except StoreDamaged as damage:
            self._set_aside(damage)
            raise

    def _read(self) -> JournalState:
        with self._database.connection() as connection, _believed(self.path):
            return _read_state(connection)

    def _set_aside(self, damage: StoreDamaged) -> None:
        self._damage = damage.msg
        set_aside(self.path, self.clock())

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Block runs in a journal that takes the place of a lost one.

        What was set aside stays beside it, so that even a crash before this cannot unblock.
        """
        aside = find_aside(self.path)
        if self._damage is None and not aside:
            return
        reason = self._damage or f"{self.path}: an earlier journal could not be read"
        kept = f"; it is kept as {aside[-1].name}" if aside else ""
        connection.execute("INSERT INTO notes VALUES ('needs_resume', ?)", (reason + kept,))


def read_journal(path: Path) -> JournalState:
    """Read the journal of a listener that may be writing it; nothing is written or set aside.

    Raises StoreAbsent when there is none, and StoreError.
    """
    if not path.exists():
        raise StoreAbsent(f"{path}: there is no journal yet; has the listener run?")
    with contextlib.closing(open_readonly(path)) as connection, translated(path):
        check_version(connection, path, JOURNAL)
        if not read_version(connection):
            return JournalState()
        with _believed(path):
            return _read_state(connection)


def _record(connection: sqlite3.Connection, path: Path, last_run: LastRun) -> None:
    row = connection.execute(
        "SELECT document FROM last_runs WHERE plan = ?", (last_run.plan,)
    ).fetchone()
    if row is not None:
        with _believed(path):
            last_run = last_run.after(LastRun(**documents.decode_document(row[0])))
    connection.execute(
        "INSERT OR REPLACE INTO last_runs (plan, document) VALUES (?, ?)",
        (last_run.plan, documents.encode(attrs.asdict(last_run))),
    )


def _read_state(connection: sqlite3.Connection) -> JournalState:
    row = connection.execute("SELECT revision, document FROM run").fetchone()
    revision, run = row or (0, None)
    notes = dict(connection.execute("SELECT name, value FROM notes"))
    holds = connection.execute("SELECT document FROM holds ORDER BY plan")
    last_runs = connection.execute("SELECT plan, document FROM last_runs")
    return JournalState(
        run=None if run is None else documents.decode_document(run),
        revision=revision,
        holds=tuple(Hold(**documents.decode_document(text)) for (text,) in holds),
        last_runs={plan: LastRun(**documents.decode_document(text)) for plan, text in last_runs},
        needs_resume=notes.get("needs_resume"),
    )


@contextlib.contextmanager
def _believed(path: Path) -> Iterator[None]:
    """Take a document that is not what was written for damage to the file."""
    try:
        yield
    except (ValueError, TypeError, KeyError) as error:
        raise StoreDamaged(f"{path}: the file is damaged ({error})") from error
