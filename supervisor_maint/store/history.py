"""The history: what is remembered for months, and the counters that must not go down.

Rule: one writer, from one thread at a time. A history that cannot be read is set aside and a
new one begun. When it cannot be written, saving fails and nothing else; the next try may work.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

import attrs

from supervisor_maint.errors import StoreDamaged
from supervisor_maint.store import documents
from supervisor_maint.store.aside import set_aside
from supervisor_maint.store.database import Database
from supervisor_maint.store.history_reader import (
    HistoryReader,
    Kind,
    Part,
    read_parts,
    select,
    watch_of,
)
from supervisor_maint.store.records import Record
from supervisor_maint.store.schema import HISTORY

_SAVE_PART = "INSERT OR REPLACE INTO watch (part, name, document) VALUES (?, ?, ?)"
_DROP_PART = "DELETE FROM watch WHERE part = ? AND name = ?"
# Of what may go, the bulk goes first: a month of runs is worth more than an hourly snapshot.
_OLDEST = (
    "DELETE FROM records WHERE id IN (SELECT id FROM records "
    "ORDER BY kind IN ('run', 'report'), recorded_at, id LIMIT ?)"
)
_SHARE_A_TURN = 20


@attrs.define(eq=False)
class History:
    """The history of one listener, opened when first used.

    Every method raises StoreError when it cannot be read or written; StoreDamaged when it just
    had to be begun anew. ``set_aside`` is where the last damaged one went.
    """

    path: Path
    clock: Callable[[], float] = time.time
    set_aside: Path | None = attrs.field(init=False, default=None)
    _database: Database = attrs.field(init=False, repr=False)
    # (part, name) -> text as saved: a history that is begun anew gets all of it again.
    _watch: dict[Part, str] = attrs.field(init=False, factory=dict, repr=False)
    _is_watch_lost: bool = attrs.field(init=False, default=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._database = Database(path=self.path, schema=HISTORY)

    @staticmethod
    def open_readonly(path: Path) -> HistoryReader:
        """Open the history of a listener, which goes on writing. Raises StoreError."""
        return HistoryReader.open(path)

    def save_watch(
        self,
        meta: Mapping[str, Any],
        processes: Mapping[str, Mapping[str, Any] | None],
        *,
        totals: Mapping[str, Any] | None = None,
    ) -> None:
        """Save what changed in one transaction: all of it, or nothing.

        Entries that are not named stay as they are; a process whose value is None is dropped.
        ``totals`` are the listener's own counters, which go with the serials in ``meta``.
        """
        changes = _texts("meta", meta)
        changes.update(_texts("process", processes, none_drops=True))
        if totals is not None:
            changes.update(_texts("totals", {"totals": totals}))
        self._save_parts(changes)

    def load_watch(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
        """Return what ``save_watch`` saved, meta and processes, or None if it never did.

        A damaged history is set aside first.
        """
        return watch_of(self._load_parts())

    def load_totals(self) -> dict[str, Any] | None:
        """Return the listener's own counters, or None if they were never saved."""
        return self._load_parts().get(("totals", "totals"))

    def add_snapshot(self, taken_at: float, kind: str, document: Mapping[str, Any]) -> None:
        """Keep a snapshot; ``kind`` says why it was taken: hourly, before, after."""
        self._add(Kind.SNAPSHOT, taken_at, {"kind": kind, **document})

    def add_report(self, made_at: float, document: Mapping[str, Any]) -> None:
        """Keep a report of differences."""
        self._add(Kind.REPORT, made_at, document)

    def add_permissions(self, ended_at: float, document: Mapping[str, Any]) -> None:
        """Keep what a permission pass found."""
        self._add(Kind.PERMISSIONS, ended_at, document)

    def save_run(self, run_id: str, started_at: float, document: Mapping[str, Any]) -> None:
        """Keep a run; the same run again replaces it."""
        self._add(Kind.RUN, started_at, document, name=run_id)

    def runs(self, limit: int) -> list[Record]:
        """Return the newest runs, the newest first."""
        with self._guarded(self._database.connection()) as connection:
            return list(select(connection, Kind.RUN, limit=limit))

    def prune(self, now: float, *, keep_seconds: float, max_bytes: int) -> None:
        """Drop what is older or more than wanted.

        The oldest go first, snapshots and permissions before reports and runs; what ``save_watch``
        saved is never dropped. The file shrinks.
        """
        old = "DELETE FROM records WHERE recorded_at < ?"
        with self._guarded(self._database.transaction()) as connection:
            connection.execute(old, (now - keep_seconds,))
            _drop_surplus(connection, max_bytes)
        with self._guarded(self._database.connection()) as connection:
            # It gives a row without columns for each page, and execute stops at the first.
            connection.executescript("PRAGMA incremental_vacuum")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def begin_anew(self) -> None:
        """Set the file aside, and forget what it held: read back, it made no sense.

        Raises StoreError.
        """
        self._database.close()
        self._watch.clear()
        self._begin_anew()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _add(
        self, kind: Kind, at: float, document: Mapping[str, Any], name: str | None = None
    ) -> None:
        text = documents.encode(document)
        with self._guarded(self._database.transaction()) as connection:
            connection.execute(
                "INSERT OR REPLACE INTO records (kind, name, recorded_at, document) "
                "VALUES (?, ?, ?, ?)",
                (kind.value, name, at, text),
            )

    def _save_parts(self, changes: Mapping[Part, str | None]) -> None:
        wanted: dict[Part, str | None] = {**self._watch} if self._is_watch_lost else {}
        wanted.update(changes)
        with self._guarded(self._database.transaction()) as connection:
            kept = [(*key, text) for key, text in wanted.items() if text is not None]
            connection.executemany(_SAVE_PART, kept)
            connection.executemany(
                _DROP_PART, [key for key, text in wanted.items() if text is None]
            )
        self._is_watch_lost = False
        for key, text in changes.items():
            if text is None:
                self._watch.pop(key, None)
            else:
                self._watch[key] = text

    def _load_parts(self) -> dict[Part, Any]:
        try:
            with self._database.connection() as connection:
                parts = read_parts(connection, self.path)
        except StoreDamaged:
            self._begin_anew()
            return {}
        self._watch = {key: text for key, (text, _) in parts.items()}
        return {key: value for key, (_, value) in parts.items()}

    @contextlib.contextmanager
    def _guarded(
        self, opened: contextlib.AbstractContextManager[sqlite3.Connection]
    ) -> Iterator[sqlite3.Connection]:
        try:
            with opened as connection:
                yield connection
        except StoreDamaged:
            self._begin_anew()
            raise

    def _begin_anew(self) -> None:
        self.set_aside = set_aside(self.path, self.clock())
        self._is_watch_lost = True


def _texts(
    part: str, members: Mapping[str, Any], *, none_drops: bool = False
) -> dict[Part, str | None]:
    return {
        (part, name): None if none_drops and value is None else documents.encode(value)
        for name, value in members.items()
    }


def _used_bytes(connection: sqlite3.Connection) -> int:
    sizes = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in sizes)
    return int((pages - free) * size)


def _drop_surplus(connection: sqlite3.Connection, max_bytes: int) -> None:
    while _used_bytes(connection) > max_bytes:
        (count,) = connection.execute("SELECT count(*) FROM records").fetchone()
        if not count:
            return
        connection.execute(_OLDEST, (max(1, count // _SHARE_A_TURN),))
