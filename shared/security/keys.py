"""The store of wrapped data keys: apart from the services' data, so that a destroyed key is destroyed."""

import os
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from uuid_utils import uuid7

from shared.database.protocol import DatabaseUnavailable, sqlite_fails
from shared.security.key_pool import KeyPool, KeyStoreClosed
from shared.security.sealing import KEY_BYTES, DataKey, Kek

__all__ = [
    "DestructionUnfinished",
    "KekUnknown",
    "KeyDestroyed",
    "KeyStore",
    "KeyStoreClosed",
    "KeyUnknown",
    "SqliteKeyStore",
]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS data_key (
    position INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL UNIQUE,
    wrapped BLOB NOT NULL,
    kek_id TEXT,
    owner TEXT NOT NULL,
    created TEXT NOT NULL
)
"""
_REWRAP_ROWS = 5_000


class KeyDestroyed(Exception):
    """The key was destroyed when its person was erased: what it sealed cannot be read again."""


class KeyUnknown(Exception):
    """The store never held this key: it is the wrong store, or one that was lost or restored from too early."""


class KekUnknown(Exception):
    """Keys are wrapped with a key-encryption key that was not given: start with the one that has this id."""


class DestructionUnfinished(Exception):
    """The keys are gone from the table, but a reader still holds the log with their old bytes: destroy again."""


class KeyStore(Protocol):
    """Where data keys live. Every method may be called from any thread, and blocks for a commit at most.

    Each but `close` raises DatabaseUnavailable: no room, no answer.
    """

    def take(self, count: int) -> list[DataKey]:
        """`count` new keys, durable in the store already and given to nobody else. An unused key is wasted.

        Raises ValueError for a negative count.
        """

    def get(self, key_id: str) -> DataKey:
        """The key of that id. Raises KeyDestroyed, KeyUnknown, KekUnknown, SealBroken."""

    def destroy(self, key_ids: Iterable[str]) -> int:
        """Makes keys unrecoverable; returns how many were there still. May be repeated; ignores unknown ids.

        Raises DestructionUnfinished.
        """

    def rewrap(self, old: Kek, new: Kek) -> int:
        """Wraps with `new` all that `old` wraps, new keys included, and returns how many there were.

        Work goes on meanwhile; after an interruption it is called again. Raises SealBroken.
        """

    def close(self) -> None:
        """Ends the store's thread and connection; keys made ahead and not taken are wasted. May be repeated."""


class SqliteKeyStore:
    """A key store in a SQLite file of its own, for one process; keys are made and committed a batch ahead."""

    def __init__(
        self,
        path: Path,
        kek: Kek,
        owner: str,
        *,
        older: Iterable[Kek] = (),
        batch: int = 1024,
        cached: int = 1024,
        patience_seconds: float = 5.0,
    ) -> None:
        """`owner` names the replica that makes the keys; `older`: key-encryption keys not yet rewrapped from.

        `patience_seconds`: how long to wait for another reader or writer of the file (an operator's, a backup's).
        Raises KekUnknown where the newest key is wrapped with neither, and sqlite3.Error, OSError.
        """
        self._kek = kek
        self._keks = {known.id: known for known in (*older, kek)}
        self._owner = owner
        self._cached = cached
        self._cache: OrderedDict[str, DataKey] = OrderedDict()
        self._cache_lock = threading.Lock()
        self._file_lock = threading.Lock()
        self._closed = False
        self._file = _open_file(path, patience_seconds)
        try:
            self._check_newest_kek()
        except BaseException:
            self._file.close()
            raise
        self._pool = KeyPool(self._make, batch=batch, name=owner)

    def take(self, count: int) -> list[DataKey]:
        """See KeyStore. What the pool lacks is made and committed at once."""
        return self._pool.take(count)

    def get(self, key_id: str) -> DataKey:
        """See KeyStore."""
        with self._cache_lock:
            key = self._cache.get(key_id)
            if key is not None:
                self._cache.move_to_end(key_id)
                return key
        # The file lock covers the caching too, or a destruction in between would leave its key in the cache.
        with self._open_file_lock():
            key = self._read(key_id)
            with self._cache_lock:
                self._cache[key_id] = key
                if len(self._cache) > self._cached:
                    self._cache.popitem(last=False)
        return key

    def destroy(self, key_ids: Iterable[str]) -> int:
        """See KeyStore. The wrapped bytes are overwritten where they lie, and the write-ahead log is emptied."""
        ids = list(key_ids)
        with self._open_file_lock():
            before = self._file.total_changes
            with self._transaction():
                # The row stays, with zeros of the same length: after a deletion the tree may move its neighbours,
                # and a page moved about may keep old bytes in its gaps.
                self._file.executemany(
                    "UPDATE data_key SET wrapped = zeroblob(length(wrapped)), kek_id = NULL"
                    " WHERE key_id = ? AND kek_id IS NOT NULL",
                    [(key_id,) for key_id in ids],
                )
            destroyed = self._file.total_changes - before
            with self._cache_lock:
                for key_id in ids:
                    self._cache.pop(key_id, None)
            self._empty_log()
        return destroyed

    def rewrap(self, old: Kek, new: Kek) -> int:
        """See KeyStore. A few thousand keys per commit."""
        if old.id == new.id:
            return 0
        with self._open_file_lock():
            self._keks |= {old.id: old, new.id: new}
            self._kek = new
        # From here on nothing new is wrapped with `old`: one walk in the order of the table finds all.
        rewrapped, position = 0, 0
        while True:
            with self._open_file_lock():
                rows: list[tuple[int, str, bytes]] = self._file.execute(
                    "SELECT position, key_id, wrapped FROM data_key WHERE kek_id = ? AND position > ?"
                    " ORDER BY position LIMIT ?",
                    (old.id, position, _REWRAP_ROWS),
                ).fetchall()
                if not rows:
                    self._empty_log()
                    return rewrapped
                with self._transaction():
                    self._file.executemany(
                        "UPDATE data_key SET wrapped = ?, kek_id = ? WHERE position = ?",
                        [(new.wrap(key, old.unwrap(key, wrapped)), new.id, row) for row, key, wrapped in rows],
                    )
            rewrapped, position = rewrapped + len(rows), rows[-1][0]

    def close(self) -> None:
        """See KeyStore."""
        self._pool.close()
        with self._file_lock:
            self._closed = True
            self._file.close()
            with self._cache_lock:
                self._cache.clear()

    def _make(self, count: int) -> list[DataKey]:
        created = datetime.now(UTC).isoformat(timespec="milliseconds")
        randomness = os.urandom(count * KEY_BYTES)
        keys: list[DataKey] = []
        rows: list[tuple[str, bytes, str, str, str]] = []
        with self._open_file_lock():
            kek = self._kek
            for start in range(0, len(randomness), KEY_BYTES):
                key_id, key = str(uuid7()), randomness[start : start + KEY_BYTES]
                keys.append(DataKey(key_id, key))
                rows.append((key_id, kek.wrap(key_id, key), kek.id, self._owner, created))
            with self._transaction():
                self._file.executemany(
                    "INSERT INTO data_key (key_id, wrapped, kek_id, owner, created) VALUES (?, ?, ?, ?, ?)", rows
                )
        return keys

    def _read(self, key_id: str) -> DataKey:
        row = self._file.execute("SELECT wrapped, kek_id FROM data_key WHERE key_id = ?", (key_id,)).fetchone()
        if row is None:
            raise KeyUnknown(key_id)
        wrapped, kek_id = row
        if kek_id is None:
            raise KeyDestroyed(key_id)
        if kek_id not in self._keks:
            raise KekUnknown(kek_id)
        return DataKey(key_id, self._keks[kek_id].unwrap(key_id, wrapped))

    def _check_newest_kek(self) -> None:
        row = self._file.execute(
            "SELECT kek_id FROM data_key WHERE kek_id IS NOT NULL ORDER BY position DESC LIMIT 1"
        ).fetchone()
        if row is not None and row[0] not in self._keks:
            raise KekUnknown(row[0])

    @contextmanager
    def _open_file_lock(self) -> Iterator[None]:
        with self._file_lock:
            if self._closed:
                raise KeyStoreClosed
            try:
                yield
            except sqlite3.OperationalError as error:
                if not sqlite_fails(error.sqlite_errorcode):
                    raise
                raise DatabaseUnavailable(f"the key store: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def _empty_log(self) -> None:
        busy, _, _ = self._file.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise DestructionUnfinished


def _open_file(path: Path, patience_seconds: float) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # SQLite gives its write-ahead log the mode of the file; it would make the file itself by the umask.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    file = sqlite3.connect(path, timeout=patience_seconds, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "temp_store = MEMORY"):
            file.execute(f"PRAGMA {pragma}")
        file.execute(_SCHEMA)
    except BaseException:
        file.close()
        raise
    return file
