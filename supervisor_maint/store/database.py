"""SQLite files that may be damaged, removed, full or newer, and say so in a sentence.

Rule: one writer. A ``Database`` may be used from any thread, but from one at a time; sqlite3's
own errors never leave this module.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import attrs

from supervisor_maint.errors import NewerSchema, StoreDamaged, StoreError
from supervisor_maint.store.files import refusal
from supervisor_maint.store.schema import Schema

_CREATE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
# Readers never block a writer in WAL mode; this is for a backup that holds the file.
_BUSY_SECONDS = 2.0


def _nothing(_: sqlite3.Connection) -> None:
    """Add nothing to a new file."""


@attrs.define(eq=False, kw_only=True)
class Database:
    """One SQLite file of ours, opened when first used and again after every error.

    ``on_begin`` is called inside the transaction that makes a new file's tables.
    """

    path: Path
    schema: Schema
    on_begin: Callable[[sqlite3.Connection], None] = _nothing
    _connection: sqlite3.Connection | None = attrs.field(init=False, default=None, repr=False)
    _opened: os.stat_result | None = attrs.field(init=False, default=None, repr=False)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block does, or nothing of it.

        Raises StoreDamaged, NewerSchema and StoreError. After an error the file is opened anew,
        so the next try meets it as it is.
        """
        try:
            connection = self._current()
            with translated(self.path):
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except BaseException:
            self.close()  # which rolls back
            raise

    @contextlib.contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for reads and for pragmas that allow no transaction."""
        try:
            connection = self._current()
            with translated(self.path):
                yield connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _current(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        elif not self._is_in_place():
            raise StoreDamaged(f"{self.path}: somebody removed or replaced it while it was in use")
        return self._connection

    def _is_in_place(self) -> bool:
        with contextlib.suppress(OSError):
            return self._opened is not None and os.path.samestat(self.path.lstat(), self._opened)
        return False

    def _open(self) -> sqlite3.Connection:
        self._opened = _create(self.path)
        with translated(self.path):
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            try:
                check_version(connection, self.path, self.schema)
                self._settle_in(connection)
            except BaseException:
                connection.close()
                raise
        return connection

    def _settle_in(self, connection: sqlite3.Connection) -> None:
        version = read_version(connection)
        if version == 0:
            # Before the first table, or a file never shrinks (sqlite.org/pragma.html).
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {self.schema.synchronous}")
        check_soundness(connection, self.path)  # 50 MB take 20 ms
        if version < self.schema.version:
            self._migrate(connection, version)

    def _migrate(self, connection: sqlite3.Connection, version: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for statements in self.schema.migrations[version:]:
            for statement in statements:
                connection.execute(statement)
        if version == 0:
            self.on_begin(connection)
        connection.execute(f"PRAGMA user_version = {self.schema.version}")
        connection.execute("COMMIT")


def open_readonly(path: Path) -> sqlite3.Connection:
    """Open a file that somebody else writes, for reading. Raises StoreError."""
    try:
        path.lstat()
    except OSError as error:
        raise refusal(path, error) from error
    with translated(path):
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )


def read_version(connection: sqlite3.Connection) -> int:
    """Return the schema version of a file; 0 is a new one."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    """Raise NewerSchema for a file of a newer program."""
    version = read_version(connection)
    if version > schema.version:
        raise NewerSchema(
            f"{path}: expected schema version {schema.version} or less, found {version}; "
            f"install the supervisor-maint that wrote it, or move the file away"
        )


def check_soundness(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreDamaged when SQLite finds the file out of order."""
    (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if verdict != "ok":
        raise StoreDamaged(f"{path}: the file is damaged ({verdict})")


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors, and documents that cannot be read back, into ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "could not decode" in str(error).lower():
            raise StoreDamaged(f"{path}: the file is damaged ({error})") from error
        raise StoreError(f"{path}: {_advice(str(error))}") from error
    except sqlite3.DatabaseError as error:
        # SQLITE_CORRUPT and SQLITE_NOTADB come as exactly this class (Modules/_sqlite/util.c).
        raise StoreDamaged(f"{path}: the file is damaged ({error})") from error


def _advice(message: str) -> str:
    if "is full" in message:
        return "the disk is full; free some space"
    if "readonly" in message or "unable to open" in message:
        return f"{message}; uid {os.geteuid()} must be able to write the file and its directory"
    return message


def _create(path: Path) -> os.stat_result:
    """Make the file, for us alone, if it is not there; never through a symbolic link."""
    try:
        descriptor = os.open(path, _CREATE, 0o600)
    except OSError as error:
        raise refusal(path, error) from error
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)
