"""Reading the history, while the listener writes it. Nothing here writes."""

from __future__ import annotations

import enum
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from supervisor_maint.errors import StoreAbsent, StoreDamaged, StoreError
from supervisor_maint.store import documents
from supervisor_maint.store.database import (
    check_version,
    open_readonly,
    read_version,
    translated,
)
from supervisor_maint.store.files import refusal
from supervisor_maint.store.records import Record
from supervisor_maint.store.schema import HISTORY

# Snapshots of 1000 processes have 200 KB each; so many are in memory at once.
_PAGE = 20
_ALL = 2**62


class Kind(enum.Enum):
    """What a record of the history is."""

    SNAPSHOT = "snapshot"
    REPORT = "report"
    RUN = "run"
    PERMISSIONS = "permissions"


@attrs.define(eq=False)
class HistoryReader:
    """The history of a listener that may be writing; to be closed, or used in a ``with``."""

    path: Path
    _connection: sqlite3.Connection = attrs.field(repr=False)

    @classmethod
    def open(cls, path: Path) -> HistoryReader:
        """Open it. Raises StoreAbsent when there is none, StoreError when we may not read
        it, NewerSchema."""
        if not _is_there(path):
            raise StoreAbsent(f"{path}: there is no history yet; has the listener run?")
        connection = open_readonly(path)
        try:
            _check(connection, path)
        except BaseException:
            connection.close()
            raise
        return cls(path, connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> HistoryReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reports(self, limit: int | None = None) -> Iterator[Record]:
        """Yield the reports of differences, the newest first."""
        return self._select(Kind.REPORT, limit=limit)

    def runs(self, limit: int | None = None) -> Iterator[Record]:
        """Yield the runs, the newest first; their names are the run ids."""
        return self._select(Kind.RUN, limit=limit)

    def run(self, run_id: str) -> Record | None:
        """Return one run, or None."""
        query = "SELECT recorded_at, name, document FROM records WHERE kind = ? AND name = ?"
        return self._one(query, Kind.RUN.value, run_id)

    def permissions(self, limit: int | None = None) -> Iterator[Record]:
        """Yield what the permission passes found, the newest first."""
        return self._select(Kind.PERMISSIONS, limit=limit)

    def snapshots(self, limit: int | None = None) -> Iterator[Record]:
        """Yield the snapshots that were kept, the newest first."""
        return self._select(Kind.SNAPSHOT, limit=limit)

    def snapshot_near(self, at: float) -> Record | None:
        """Return the kept snapshot that is nearest to a moment, None when there is none."""
        # The index alone tells which one it is; the documents of a quarter are 50 MB.
        query = (
            "SELECT recorded_at, name, document FROM records WHERE id = (SELECT id FROM records "
            "WHERE kind = ? ORDER BY abs(recorded_at - ?), id LIMIT 1)"
        )
        return self._one(query, Kind.SNAPSHOT.value, at)

    def load_watch(self) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
        """Return what the listener saved of its watch, meta and processes, or None if nothing."""
        with translated(self.path):
            parts = read_parts(self._connection, self.path)
        return watch_of({key: value for key, (_, value) in parts.items()})

    def _one(self, query: str, *values: str | float) -> Record | None:
        with translated(self.path):
            row = self._connection.execute(query, values).fetchone()
            return None if row is None else _record(*row)

    def _select(self, kind: Kind, *, limit: int | None) -> Iterator[Record]:
        with translated(self.path):
            yield from select(self._connection, kind, limit=limit)


Part = tuple[str, str]


def read_parts(connection: sqlite3.Connection, path: Path) -> dict[Part, tuple[str, Any]]:
    """Return every saved part of the watch by (part, name): its text, and what that says.

    Raises StoreDamaged for a text that is no JSON.
    """
    rows = connection.execute("SELECT part, name, document FROM watch").fetchall()
    try:
        return {(part, name): (text, documents.decode(text)) for part, name, text in rows}
    except (ValueError, TypeError) as error:
        raise StoreDamaged(f"{path}: the file is damaged ({error})") from error


def watch_of(parts: Mapping[Part, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]] | None:
    """Return the meta and the processes among the parts, or None when there are neither."""
    meta = {name: value for (part, name), value in parts.items() if part == "meta"}
    processes = {name: value for (part, name), value in parts.items() if part == "process"}
    return (meta, processes) if meta or processes else None


def select(
    connection: sqlite3.Connection, kind: Kind, *, limit: int | None = None
) -> Iterator[Record]:
    """Yield records of a kind, the newest first, page by page.

    Between two pages nothing is held, so a slow reader keeps no writer from its checkpoint.
    """
    remaining = _ALL if limit is None else limit
    before: tuple[float, int] = (float("inf"), _ALL)
    while remaining > 0:
        page = connection.execute(
            "SELECT id, recorded_at, name, document FROM records "
            "WHERE kind = ? AND (recorded_at, id) < (?, ?) "
            "ORDER BY recorded_at DESC, id DESC LIMIT ?",
            (kind.value, *before, min(_PAGE, remaining)),
        ).fetchall()
        for _, *row in page:
            yield _record(*row)
        if len(page) < _PAGE:
            return
        remaining -= len(page)
        before = (page[-1][1], page[-1][0])


def _record(recorded_at: float, name: str | None, text: str) -> Record:
    try:
        document = documents.decode_document(text)
    except (ValueError, TypeError) as error:
        raise StoreDamaged(f"the record of {recorded_at} is damaged ({error})") from error
    return Record(recorded_at=recorded_at, name=name, document=document)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise refusal(path, error) from error
    return True


def _check(connection: sqlite3.Connection, path: Path) -> None:
    with translated(path):
        check_version(connection, path, HISTORY)
        version = read_version(connection)
    if version == 0:
        raise StoreAbsent(f"{path}: there is no history yet; has the listener run?")
    if version < HISTORY.version:
        raise StoreError(
            f"{path}: expected schema version {HISTORY.version}, found {version}; restart the "
            "listener, which brings it up to date"
        )
