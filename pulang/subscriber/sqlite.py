"""A store in a SQLite file: your tables, and one of the subscriber's own."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OURS = """
CREATE TABLE IF NOT EXISTS pulang_subscriber (
  kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID
"""
BUSY_SECONDS = 30.0
"""How long it waits for another writer to the same file."""


class SqliteTransaction:
    """See Transaction. `db` is the connection, inside a transaction that you neither commit nor roll back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @property
    def db(self) -> sqlite3.Connection:
        return self._connection

    def get(self, kind: str, key: str) -> str | None:
        query = "SELECT text FROM pulang_subscriber WHERE kind = ? AND key = ?"
        row = self._connection.execute(query, (kind, key)).fetchone()
        return None if row is None else str(row[0])

    def put(self, kind: str, key: str, text: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO pulang_subscriber VALUES (?, ?, ?)", (kind, key, text))

    def remove(self, kind: str, key: str) -> None:
        self._connection.execute("DELETE FROM pulang_subscriber WHERE kind = ? AND key = ?", (kind, key))

    def keys(self, kind: str, most: int) -> list[str]:
        rows = self._connection.execute("SELECT key FROM pulang_subscriber WHERE kind = ? LIMIT ?", (kind, most))
        return [str(row[0]) for row in rows]


class SqliteStore:
    """See Store. Others may read the file at any time, and write to it between two batches."""

    def __init__(self, path: Path | str, schema: str = "") -> None:
        """`schema`: the SQL of your own tables, run at every start (`CREATE TABLE IF NOT EXISTS …`).

        Raises sqlite3.Error.
        """
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        # What is deleted is overwritten, and what is committed survives a power cut.
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_OURS)
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """Raises sqlite3.Error."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield SqliteTransaction(self._connection)
        except BaseException:
            if self._connection.in_transaction:  # SQLite ends it by itself where the disk is full
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def purge(self) -> bool:
        """The write-ahead log still holds the pages of before: it is emptied, as soon as nobody reads from it."""
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            (busy, *_) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
        return not busy

    def close(self) -> None:
        """May be called twice."""
        self._connection.close()
