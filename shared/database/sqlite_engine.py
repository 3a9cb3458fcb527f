"""Connections to a SQLite file: how they are set up, and that no statement outlives its transaction."""

import sqlite3
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from shared.database.protocol import TransactionLost

CHECKPOINT_PAGES = 4000
"""16 MiB: SQLite's own 4 MiB are full after two manifests, and a checkpoint takes longer than a commit."""
WRITER_CACHE_KIB, READER_CACHE_KIB = 4096, 1024
"""Five services have three connections each, and the operating system caches the files once more."""


def driver_of(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection."""
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)


def engine_of(path: Path, pool: Any, begin: str, patience_seconds: float) -> Engine:
    """An engine on the file whose transactions start with `begin`; after a plain BEGIN nothing can be written."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=pool,
        connect_args={"check_same_thread": False, "timeout": patience_seconds, "isolation_level": None},
        query_cache_size=2000,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _set_up(raw: sqlite3.Connection, record: Any) -> None:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        raw.execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten, and nothing stays in the gaps of pages that were split: who is erased is gone
        # from the file (decision 17). Not every build of SQLite does so by itself.
        raw.execute("PRAGMA secure_delete = ON")
        raw.execute(f"PRAGMA cache_size = -{READER_CACHE_KIB if begin == 'BEGIN' else WRITER_CACHE_KIB}")
        if begin == "BEGIN":
            raw.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        try:
            driver_of(connection).execute(begin)
        except sqlite3.Error as error:  # locked by another writer
            raise DBAPIError.instance(begin, None, error, sqlite3.Error) from error

    @event.listens_for(engine, "before_cursor_execute")
    def _only_inside(
        connection: Connection, cursor: sqlite3.Cursor, statement: str, parameters: Any, context: Any, many: bool
    ) -> None:
        if not cursor.connection.in_transaction:
            raise TransactionLost("the transaction was lost")

    return engine
