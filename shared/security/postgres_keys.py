"""The store of wrapped data keys on PostgreSQL: a database and a role of its own, shared by a service's replicas.

Units of work run in greenlets on the event loop and keys are made ahead on a thread: both may ask here and wait.
"""

import asyncio
import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Coroutine, Iterable
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    LargeBinary,
    MetaData,
    String,
    Table,
    any_,
    bindparam,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util.concurrency import await_only, in_greenlet
from uuid_utils import uuid7

from shared.database.postgres import close_engine
from shared.database.protocol import DatabaseUnavailable
from shared.migrating import LOCK
from shared.security.key_engine import STATEMENT_SECONDS, key_engine
from shared.security.key_pool import KeyPool, KeyStoreClosed
from shared.security.keys import KekUnknown, KeyDestroyed, KeyUnknown
from shared.security.sealing import KEY_BYTES, DataKey, Kek

Answer = TypeVar("Answer")

METADATA = MetaData()
DATA_KEY = Table(
    "data_key",
    METADATA,
    Column("position", BigInteger, Identity(), primary_key=True),
    Column("key_id", String(36), nullable=False, unique=True),
    Column("wrapped", LargeBinary, comment="NULL: destroyed"),
    Column("kek_id", String(16), index=True),
    Column("owner", String(64), nullable=False),
    Column("created", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
REWRAP_ROWS = 1_000
PAUSE_SECONDS = 0.01
SECONDS = 10.0
CACHED_SECONDS = 60.0
"""So long a replica may know a key that another one has destroyed. What it sealed is gone before."""


async def migrate_key_store(url: str) -> bool:
    """Make the store's table where there is none; True when it was made.

    Raises DatabaseUnavailable, OSError, SQLAlchemyError.
    """
    engine = key_engine(url, SECONDS)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
            return await connection.run_sync(_make_table)
    finally:
        await close_engine(engine)


def _make_table(connection: Connection) -> bool:
    if connection.dialect.has_table(connection, DATA_KEY.name):
        return False
    METADATA.create_all(connection)
    return True


class PostgresKeyStore:
    """See KeyStore. Every method may be called from a unit of work, or from a thread that is not the event loop's.

    A destroyed key's row loses its bytes; from that commit on nobody gets it. The dead version of the row is vacuumed
    apart from this (`shared.database.vacuum`), which on millions of rows may take minutes. What the server still holds
    of it until then, and afterwards in free space of a page, its write-ahead log or a backup, is ciphertext of a key
    that is not in that database.
    """

    def __init__(
        self,
        url: str,
        kek: Kek,
        owner: str,
        *,
        older: Iterable[Kek] = (),
        batch: int = 1024,
        cached: int = 1024,
        statement_seconds: float = STATEMENT_SECONDS,
    ) -> None:
        """`owner` names the replica that makes the keys; `older`: key-encryption keys not yet rewrapped from.
        `statement_seconds`: how long the server may take to answer."""
        self._kek = kek
        self._keks = {known.id: known for known in (*older, kek)}
        self._owner = owner
        self._cached = cached
        self._cache: OrderedDict[str, tuple[DataKey, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._destroyed = 0
        self._closed = False
        self._making: Counter[str] = Counter()
        self._engine = key_engine(url, statement_seconds)
        self._asking = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        """For one question, which needs no transaction."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool = KeyPool(self._make, batch=batch, name=owner)

    async def start(self) -> None:
        """From the loop that will run the units of work. Raises DatabaseUnavailable, KekUnknown."""
        self._loop = asyncio.get_running_loop()
        try:
            async with self._engine.connect() as connection:
                newest = select(DATA_KEY.c.kek_id).where(DATA_KEY.c.kek_id.is_not(None))
                kek_id = await connection.scalar(newest.order_by(DATA_KEY.c.position.desc()).limit(1))
        except (DBAPIError, OSError) as error:
            raise DatabaseUnavailable(f"the key store does not answer ({_kind(error)})") from error
        if kek_id is not None and kek_id not in self._keks:
            raise KekUnknown(kek_id)

    def take(self, count: int) -> list[DataKey]:
        """See KeyStore. Raises DatabaseUnavailable."""
        return self._pool.take(count)

    def get(self, key_id: str) -> DataKey:
        """See KeyStore. Raises DatabaseUnavailable."""
        with self._lock:
            held, destroyed = self._cache.get(key_id), self._destroyed
            if held is not None and time.monotonic() - held[1] < CACHED_SECONDS:
                self._cache.move_to_end(key_id)
                return held[0]
        asked = time.monotonic()
        key = self._ask(self._read(key_id))
        with self._lock:
            if destroyed == self._destroyed:  # or it may be one of those
                self._cache[key_id] = key, asked
                if len(self._cache) > self._cached:
                    self._cache.popitem(last=False)
        return key

    def destroy(self, key_ids: Iterable[str]) -> int:
        """See KeyStore. Other replicas may hold it for CACHED_SECONDS more."""
        ids = list(key_ids)
        destroyed = self._ask(self._wipe(ids))
        with self._lock:
            self._destroyed += 1
            for key_id in ids:
                self._cache.pop(key_id, None)
        return destroyed

    def rewrap(self, old: Kek, new: Kek) -> int:
        """See KeyStore. Every replica must know both keys before, and be started with the new one before the last."""
        if old.id == new.id:
            return 0
        with self._lock:
            self._keks |= {old.id: old, new.id: new}
            self._kek = new
        while self._making[old.id]:  # they read the old one, and may commit behind the walk
            self._ask(asyncio.sleep(PAUSE_SECONDS))
        rewrapped, position = 0, 0
        while (done := self._ask(self._rewrap(old, new, position)))[0]:
            rewrapped, position = rewrapped + done[0], done[1]
        return rewrapped

    def close(self) -> None:
        """See KeyStore. Not from the event loop, which the refilling thread may be waiting for: see `stop`."""
        self._pool.close()
        self._closed = True
        with self._lock:
            self._cache.clear()

    async def stop(self) -> None:
        """`close`, and the connections with it. May be repeated."""
        await asyncio.to_thread(self.close)
        await close_engine(self._engine)

    def _make(self, count: int) -> list[DataKey]:
        randomness = os.urandom(count * KEY_BYTES)
        keys: list[DataKey] = []
        rows: list[dict[str, Any]] = []
        with self._lock:
            kek = self._kek
            self._making[kek.id] += 1
        try:
            for start in range(0, len(randomness), KEY_BYTES):
                key_id, key = str(uuid7()), randomness[start : start + KEY_BYTES]
                keys.append(DataKey(key_id, key))
                rows.append(
                    {"key_id": key_id, "wrapped": kek.wrap(key_id, key), "kek_id": kek.id, "owner": self._owner}
                )
            if rows:
                self._ask(self._store(rows))
        finally:
            with self._lock:
                self._making[kek.id] -= 1
        return keys

    async def _store(self, rows: list[dict[str, Any]]) -> None:
        async with self._engine.begin() as connection:
            await connection.execute(insert(DATA_KEY), rows)

    async def _read(self, key_id: str) -> DataKey:
        async with self._asking.connect() as connection:
            found = await connection.execute(
                select(DATA_KEY.c.wrapped, DATA_KEY.c.kek_id).where(DATA_KEY.c.key_id == key_id)
            )
            row = found.one_or_none()
        if row is None:
            raise KeyUnknown(key_id)
        if row.kek_id is None:
            raise KeyDestroyed(key_id)
        if row.kek_id not in self._keks:
            raise KekUnknown(row.kek_id)
        return DataKey(key_id, self._keks[row.kek_id].unwrap(key_id, row.wrapped))

    async def _wipe(self, key_ids: list[str]) -> int:
        async with self._engine.begin() as connection:
            done = await connection.execute(
                update(DATA_KEY)
                .where(DATA_KEY.c.key_id == any_(bindparam("doomed", type_=ARRAY(String))))
                .where(DATA_KEY.c.kek_id.is_not(None))
                .values(wrapped=None, kek_id=None),
                {"doomed": key_ids},
            )
        return done.rowcount

    async def _rewrap(self, old: Kek, new: Kek, after: int) -> tuple[int, int]:
        """The next ones after that position: how many, and the last one's position."""
        async with self._engine.begin() as connection:
            found = await connection.execute(
                select(DATA_KEY.c.position, DATA_KEY.c.key_id, DATA_KEY.c.wrapped)
                .where(DATA_KEY.c.kek_id == old.id, DATA_KEY.c.position > after)
                .order_by(DATA_KEY.c.position)
                .limit(REWRAP_ROWS)
                .with_for_update()
            )
            rows = found.all()
            if not rows:
                return 0, after
            await connection.execute(
                update(DATA_KEY)
                .where(DATA_KEY.c.position == bindparam("at"))
                .values(wrapped=bindparam("to_wrapped"), kek_id=new.id),
                [
                    {"at": row.position, "to_wrapped": new.wrap(row.key_id, old.unwrap(row.key_id, row.wrapped))}
                    for row in rows
                ],
            )
        return len(rows), rows[-1].position

    def _ask(self, question: "Coroutine[Any, Any, Answer]") -> Answer:
        """From a greenlet of the loop it is awaited there; from another thread, waited for."""
        if self._closed:
            question.close()
            raise KeyStoreClosed
        try:
            if in_greenlet():
                return await_only(asyncio.wait_for(question, SECONDS))
            if self._loop is None:
                question.close()
                raise DatabaseUnavailable("the key store is not started")
            asked: Future[Answer] = asyncio.run_coroutine_threadsafe(asyncio.wait_for(question, SECONDS), self._loop)
            return asked.result(SECONDS + 1)
        except (DBAPIError, OSError, TimeoutError) as error:
            raise DatabaseUnavailable(f"the key store does not answer ({_kind(error)})") from error


def _kind(error: BaseException) -> str:
    return type(error.orig if isinstance(error, DBAPIError) else error).__name__
