"""The store's files: opened, brought up to date, and refused with a sentence."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from pathlib import Path

import pytest

from supervisor_maint.errors import NewerSchema, StoreDamaged, StoreError
from supervisor_maint.store.aside import find_aside, set_aside
from supervisor_maint.store.database import Database, open_readonly
from supervisor_maint.store.schema import HISTORY, JOURNAL, Schema

ONE = Schema(name="t", synchronous="NORMAL", migrations=(("CREATE TABLE t (a)",),))
TWO = Schema(
    name="t",
    synchronous="NORMAL",
    migrations=(*ONE.migrations, ("ALTER TABLE t ADD COLUMN b DEFAULT 7",)),
)
BROKEN = Schema(
    name="t",
    synchronous="NORMAL",
    migrations=(*ONE.migrations, ("CREATE TABLE u (a)", "CREATE TABLE t (a)")),
)


@contextlib.contextmanager
def opened(path, schema, **options):
    database = Database(path=path, schema=schema, **options)
    try:
        yield database
    finally:
        database.close()


def insert(path, schema=ONE, value=1):
    with opened(path, schema) as database, database.transaction() as connection:
        connection.execute("INSERT INTO t (a) VALUES (?)", (value,))


def rows(path, schema=ONE):
    with opened(path, schema) as database, database.connection() as connection:
        return connection.execute("SELECT * FROM t").fetchall()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "t.sqlite"


@pytest.mark.parametrize("schema", [JOURNAL, HISTORY])
def test_new_file_is_ours_alone(path, schema):
    """A new file has the newest version, in WAL mode, shrinks, and is closed to others."""
    with opened(path, schema) as database, database.connection() as connection:
        found = [
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("user_version", "journal_mode", "auto_vacuum")
        ]

        assert [schema.version, "wal", 2] == found
        assert {0o600} == {file.stat().st_mode & 0o777 for file in path.parent.iterdir()}


@pytest.mark.parametrize(("schema", "level"), [(JOURNAL, 3), (HISTORY, 1)])
def test_durability_is_as_promised(path, schema, level):
    """The journal is synced at every commit, the history is not."""
    with opened(path, schema) as database, database.connection() as connection:
        assert (level,) == connection.execute("PRAGMA synchronous").fetchone()


def test_older_file_is_brought_up_to_date(path):
    """A file of an older version is migrated, and what is in it kept."""
    insert(path, ONE)

    assert [(1, 7)] == rows(path, TWO)


def test_failed_migration_changes_nothing(path):
    """A migration that fails leaves the file to the program that wrote it."""
    insert(path, ONE)

    with pytest.raises(StoreError, match="table t already exists"):
        rows(path, BROKEN)
    assert [(1,)] == rows(path, ONE)


def test_newer_file_is_refused_untouched(path):
    """A file of a newer version is refused with a sentence and left as it is."""
    insert(path, TWO)
    before = path.read_bytes()

    with pytest.raises(NewerSchema, match="expected schema version 1 or less, found 2"):
        rows(path, ONE)
    assert before == path.read_bytes()


def damage_header(path):
    path.write_bytes(b"this is no database" * 300)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:5000])


def scribble(path):
    content = bytearray(path.read_bytes())
    content[4096:8192] = b"\xa5" * 4096
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_header, cut_off, scribble])
def test_damage_is_noticed(path, damage):
    """Garbage, a truncated file, and a spoiled page are found when the file is opened."""
    insert(path, value="x" * 20_000)
    damage(path)

    with pytest.raises(StoreDamaged, match=r"t\.sqlite: the file is damaged"):
        rows(path)


def test_undecodable_text_is_damage(path):
    """Text that cannot be decoded is not what was written."""
    insert(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE t SET a = CAST(x'ff' AS TEXT)")

    with pytest.raises(StoreDamaged, match="decode"):
        rows(path)


@pytest.mark.parametrize("put_another", [False, True])
def test_removed_file_is_noticed(path, put_another):
    """A file that somebody removes or replaces under us is an error once, then begun anew."""
    with opened(path, ONE) as database:
        with database.transaction():
            pass
        path.unlink()
        if put_another:
            path.touch()

        with pytest.raises(StoreDamaged, match="removed or replaced"), database.transaction():
            pass
        set_aside(path, 0)
        with database.transaction() as connection:
            connection.execute("INSERT INTO t (a) VALUES (1)")

    assert [(1,)] == rows(path)


def test_error_undoes_the_transaction(path):
    """What fails in the middle leaves nothing, and the next try works."""
    with opened(path, ONE) as database:
        with pytest.raises(StoreError, match="no such table"), database.transaction() as half:
            half.execute("INSERT INTO t (a) VALUES (1)")
            half.execute("INSERT INTO missing VALUES (1)")
        with database.transaction() as connection:
            connection.execute("INSERT INTO t (a) VALUES (2)")

    assert [(2,)] == rows(path)


def test_new_file_is_begun_with_its_tables(path):
    """What belongs into a new file is there from the first moment, and only once."""

    def begin(connection):
        connection.execute("INSERT INTO t (a) VALUES ('begun')")

    for _ in range(2):
        with opened(path, ONE, on_begin=begin) as database, database.transaction():
            pass

    assert [("begun",)] == rows(path)


def test_link_is_not_followed(path, tmp_path):
    """A link in the place of a file is refused, even if nothing is behind it."""
    path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StoreError, match=r"t\.sqlite: "):
        rows(path)
    assert not (tmp_path / "elsewhere").exists()


@contextlib.contextmanager
def unprivileged():
    """Be somebody who is bound by file modes, as root is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_directory_that_may_not_be_written_is_told():
    """A file that may be written in a directory that may not is a sentence with the uid."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "t.sqlite"
        insert(path)
        path.chmod(0o666)
        path.parent.chmod(0o555)

        with unprivileged(), pytest.raises(StoreError, match="and its directory"):
            insert(path)
        path.parent.chmod(0o700)


def test_file_that_may_not_be_written_is_told(path):
    """A file of somebody else, or that is read-only, is a sentence with the uid."""
    insert(path)
    path.chmod(0o400)

    with unprivileged(), pytest.raises(StoreError, match="not permitted for uid"):
        rows(path)


def test_full_file_system_is_told(path):
    """What SQLite takes for a full disk is told as one, and nothing is written."""
    with opened(path, ONE) as database:
        with database.connection() as connection:
            connection.execute("PRAGMA max_page_count = 3")
        with pytest.raises(StoreError, match="the disk is full"), database.transaction() as full:
            full.execute("INSERT INTO t (a) VALUES (?)", ("x" * 50_000,))

    assert [] == rows(path)


def test_locked_file_is_told(path, monkeypatch):
    """A file that somebody else keeps locked is an error, not a hang."""
    monkeypatch.setattr("supervisor_maint.store.database._BUSY_SECONDS", 0.01)
    insert(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="locked"):
            insert(path)


def test_readonly_needs_a_file(path):
    """There is nothing to read where nothing was written."""
    with pytest.raises(StoreError, match="no such file"):
        open_readonly(path)
    assert not path.exists()


def test_readonly_cannot_write(path):
    """What is opened for reading is not changed by mistake."""
    insert(path)

    with (
        contextlib.closing(open_readonly(path)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("INSERT INTO t (a) VALUES (2)")


def test_set_aside_takes_everything_along(path):
    """What SQLite keeps beside a file goes with it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_text(suffix)

    target = set_aside(path, 0.0)

    assert "t.sqlite.damaged-19700101T000000Z" == target.name
    assert "-wal" == target.with_name(target.name + "-wal").read_text()
    assert [target] == find_aside(path)
    assert not path.exists()


def test_only_the_newest_are_kept(path):
    """A dying disk is not filled with damaged files, and none takes another's name."""
    for attempt in range(5):
        path.write_text(str(attempt))
        path.with_name("t.sqlite-wal").touch()
        set_aside(path, 0.0 if attempt < 2 else attempt * 10.0)

    assert ["2", "3", "4"] == [file.read_text() for file in find_aside(path)]
    assert 6 == len(list(path.parent.iterdir()))
