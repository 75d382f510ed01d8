"""What the store's SQLite files hold, version by version. No I/O here.

A version's statements are never changed once released: a new version is one more entry.
"""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Schema:
    """The tables of one file. ``migrations[n]`` leads from version n to n + 1."""

    name: str
    synchronous: str = attrs.field(validator=attrs.validators.in_(("NORMAL", "EXTRA")))
    migrations: tuple[tuple[str, ...], ...]

    @property
    def version(self) -> int:
        """The version that this program writes; ``PRAGMA user_version`` of its files."""
        return len(self.migrations)


JOURNAL = Schema(
    name="journal",
    # Every write is on the disk before it returns. EXTRA is FULL, and where the file system
    # cannot do WAL it also syncs the directory, without which the last commit could be undone.
    synchronous="EXTRA",
    migrations=(
        (
            # Every later version keeps this table: an older program finishes the run in it.
            "CREATE TABLE run (slot INTEGER PRIMARY KEY CHECK (slot = 1), "
            "revision INTEGER NOT NULL, document TEXT)",
            # plan '' is every plan
            "CREATE TABLE holds (plan TEXT PRIMARY KEY, document TEXT NOT NULL)",
            "CREATE TABLE last_runs (plan TEXT PRIMARY KEY, document TEXT NOT NULL)",
            "CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
        ),
    ),
)

HISTORY = Schema(
    name="history",
    # A crash of the host may cost the last seconds, never the file (sqlite.org/wal.html).
    synchronous="NORMAL",
    migrations=(
        (
            "CREATE TABLE watch (part TEXT NOT NULL, name TEXT NOT NULL, document TEXT NOT NULL, "
            "PRIMARY KEY (part, name)) WITHOUT ROWID",
            "CREATE TABLE records (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT, "
            "recorded_at REAL NOT NULL, document TEXT NOT NULL)",
            "CREATE INDEX records_by_time ON records (kind, recorded_at)",
            "CREATE UNIQUE INDEX records_by_name ON records (kind, name) WHERE name IS NOT NULL",
        ),
    ),
)
