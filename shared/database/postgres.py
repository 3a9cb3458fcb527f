"""PostgreSQL: a transaction to each unit of work, through SQLAlchemy's greenlets on asyncpg.

Units of work run beside each other, so one may be run again from its start: where it was the victim of a deadlock, and
where a constraint says that a row is there already. The next run finds what the one before could not see yet, and
answers from it; one that meets the same row again is at fault itself.

Writers are at READ COMMITTED. Every invariant here is a constraint, a locked row or a version; and whoever has waited
for another's lock must see what that one wrote (a stored answer, a mark, a stream's version). At a stricter level each
such wait would end in a serialization failure. Readers are at REPEATABLE READ: one snapshot.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, PendingRollbackError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from shared.database.postgres_errors import first_line, judge, overtaken_by
from shared.database.protocol import CONFLICTS, DatabaseUnavailable, TransactionLost, sqlstate_of

Result = TypeVar("Result")

TRIES = 5
"""Runs of a unit of work that others are in the way of."""
PAUSE_SECONDS = 0.01
"""Before the second run at most so long, twice as long before each later one: two must not meet in step."""
COMMAND_SECONDS, STUDY_SECONDS = 10.0, 600.0
"""How long one statement may take before the server counts as gone. Nobody hears the end of a connection that a
firewall has forgotten: the statement, the end of its transaction and the next try must fit into the half minute after
which nothing may be on its way any more."""
CLOSE_SECONDS = 2.0
"""How long an engine may say goodbye: on a forgotten connection nobody answers to it."""
UNHEARD = {
    "idle_in_transaction_session_timeout": "10000",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""Settings by which the server takes its locks back some ten seconds after the last word of a process that stands still
in a transaction, or is gone without a word; TCP alone would tell it after two hours. The first does not do for those
that are gone: a session that has heard a part of a statement (asyncpg sends a new one in two steps) waits for the rest,
and counts neither as idle nor as one whose statement takes too long."""
CACHED_STATEMENTS = 500

_ARRAYS = frozenset({199, 1000, 1001, 1005, 1007, 1009, 1015, 1016, 1182, 1185})
"""PostgreSQL's numbers for arrays of json, boolean, bytea, smallint, integer, text, varchar, bigint, date and
timestamptz (pg_type.dat)."""
_TOLD_OF_ARRAYS: dict[Any, Any] = {}
"""What servers say of them, by version."""
_NOT_ASKED = SimpleNamespace(name="not asked")
"""In place of the question, which has put no other statement out of the server's mind."""

_ALIVE = text("SELECT 1")


def driver_url(url: str) -> URL:
    """A `postgresql://` URL for SQLAlchemy on asyncpg."""
    return make_url(url).set(drivername="postgresql+asyncpg")


class PostgresDatabase:
    """A database on a server, for the event loop that started it; any number of processes at once."""

    def __init__(
        self,
        url: str,
        *,
        writers: int = 8,
        readers: int = 4,
        students: int = 2,
        patience_seconds: float = 10.0,
        lock_seconds: float = 5.0,
        command_seconds: float = COMMAND_SECONDS,
    ) -> None:
        """`url`: `postgresql://user:password@host/name`. `writers`, `readers`, `students`: connections at most.

        `patience_seconds`: how long to wait for a free connection, and for a new one. `lock_seconds`: how long a
        statement waits for another transaction. `command_seconds`: for the answer to one that is no study's.
        """
        self._name = make_url(url).database
        self._writers = _Pool(url, writers, patience_seconds, lock_seconds, command_seconds, writing=True)
        self._readers = _Pool(url, readers, patience_seconds, lock_seconds, command_seconds)
        self._students = _Pool(url, students, patience_seconds, lock_seconds, STUDY_SECONDS)
        self._units: set[asyncio.Task[Any]] = set()
        self._running = False

    @property
    def engine(self) -> AsyncEngine:
        """The writers' engine."""
        return self._writers.engine

    async def start(self) -> None:
        """Raises DatabaseUnavailable where the server does not answer."""
        self._running = True
        try:
            await self.glance(_look)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        self._running = False
        if self._units:
            await asyncio.wait(self._units)
        for pool in (self._writers, self._readers, self._students):
            await close_engine(pool.engine)

    async def write(self, work: Callable[[Session], Result]) -> Result:
        return await asyncio.shield(self._begin(self._writers, work))

    async def read(self, work: Callable[[Session], Result]) -> Result:
        return await asyncio.shield(self._begin(self._readers, work))

    async def glance(self, work: Callable[[Session], Result]) -> Result:
        return await asyncio.shield(self._begin(self._readers, work, glancing=True))

    async def study(self, work: Callable[[Session], Result]) -> Result:
        return await self._begin(self._students, work)

    async def healthy(self) -> str | None:
        try:
            await self.glance(_look)
        except DatabaseUnavailable as gone:
            return f"{self._name}: {gone}"
        return None

    def connections(self) -> dict[str, tuple[int, int]]:
        """By what they are for: in use, and at most."""
        pools = {"writers": self._writers, "readers": self._readers, "students": self._students}
        return {name: (pool.busy, pool.size) for name, pool in pools.items()}

    def failed(self) -> BaseException | None:
        """Nothing of it runs by itself."""
        return None

    def _begin(
        self, pool: "_Pool", work: Callable[[Session], Result], *, glancing: bool = False
    ) -> "asyncio.Task[Result]":
        """A task of its own: whoever gives up waiting would tear the connection down in mid-statement.

        A study is torn down: it may have minutes to go.
        """
        if not self._running:
            raise DatabaseUnavailable("shutting down")
        unit = asyncio.create_task(pool.run(work, glancing=glancing))
        self._units.add(unit)
        unit.add_done_callback(self._units.discard)
        return unit


class _Pool:
    """Connections of one kind. Whoever finds none free waits in line, which SQLAlchemy's own pool does not keep."""

    def __init__(
        self,
        url: str,
        size: int,
        patience_seconds: float,
        lock_seconds: float,
        command_seconds: float,
        *,
        writing: bool = False,
    ) -> None:
        self._writing = writing
        self._patience_seconds = patience_seconds
        self._free = asyncio.Semaphore(size)
        self.size, self.busy = size, 0
        self.engine = create_async_engine(
            driver_url(url),
            pool_size=size,
            max_overflow=0,
            isolation_level="READ COMMITTED" if writing else "REPEATABLE READ",
            query_cache_size=2000,
            hide_parameters=True,
            connect_args={
                "connection_class": _Connection,
                "timeout": patience_seconds,
                "command_timeout": command_seconds,
                "prepared_statement_cache_size": CACHED_STATEMENTS,
                "server_settings": {
                    "application_name": "pulang",
                    "timezone": "UTC",
                    "jit": "off",
                    "lock_timeout": str(int(lock_seconds * 1000)),
                    "default_transaction_read_only": "off" if writing else "on",
                    **UNHEARD,
                },
            },
        )
        event.listen(self.engine.sync_engine, "handle_error", judge)
        event.listen(self.engine.sync_engine, "checkout", refuse_closed)
        if not writing:
            event.listen(self.engine.sync_engine, "connect", _read_only)
        self._glancing = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    async def run(self, work: Callable[[Session], Result], *, glancing: bool = False) -> Result:
        """Until it stands, or the error that is its own. Raises DatabaseUnavailable."""
        try:
            async with asyncio.timeout(self._patience_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise DatabaseUnavailable("no connection is free") from None
        self.busy += 1
        try:
            return await self._again_and_again(work, self._glancing if glancing else self.engine)
        finally:
            self.busy -= 1
            self._free.release()

    async def _again_and_again(self, work: Callable[[Session], Result], engine: AsyncEngine) -> Result:
        tries, overtaken = 1, set[object]()
        while True:
            try:
                session = AsyncSession(engine, expire_on_commit=False)
                return await session.run_sync(_unit, work, self._writing)
            except DBAPIError as error:
                conflict, by = sqlstate_of(error) in CONFLICTS, overtaken_by(error)
                if not conflict and (by is None or by in overtaken):
                    raise
                if tries == TRIES:  # no fault of the work: another time it goes well
                    raise DatabaseUnavailable(f"others were in the way {TRIES} times") from error
                if conflict:
                    await asyncio.sleep(random.uniform(0, PAUSE_SECONDS * 2**tries))  # noqa: S311
                overtaken.add(by)
                tries += 1


def _unit(session: Session, work: Callable[[Session], Result], writing: bool) -> Result:
    with session:
        _connect(session)
        try:
            result = work(session)
            if writing:
                session.commit()
        except PendingRollbackError as error:
            if error.code != "8s2b":  # the connection went, and the work went on
                raise
            raise TransactionLost("the transaction was lost") from error
        return result


def _connect(session: Session) -> None:
    """Whatever goes wrong here: nothing was asked yet."""
    try:
        session.connection()
    except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(first_line(error)) from error


def _look(session: Session) -> None:
    session.execute(_ALIVE)


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """PostgreSQL answers a COMMIT with ROLLBACK, and no error, where a statement failed and the work went on."""

    async def execute(self, query: str, *args: Any, timeout: float | None = None) -> str:  # noqa: ASYNC109
        tag: str = await super().execute(query, *args, timeout=timeout)
        if query == "COMMIT;" and tag != "COMMIT":
            raise asyncpg.InFailedSQLTransactionError("a statement failed, the work went on, and nothing was committed")
        return tag

    async def _introspect_types(self, typeoids: Iterable[int], timeout: float) -> Any:  # noqa: ASYNC109
        """asyncpg asks on each connection what an array of numbers is: 20 ms of the server's time for each kind. They
        are the same in every database, so they are asked for once, and all together."""
        if not _ARRAYS.issuperset(typeoids):
            return await super()._introspect_types(typeoids, timeout)
        version = self.get_server_version()
        if (told := _TOLD_OF_ARRAYS.get(version)) is not None:
            return told, _NOT_ASKED
        _TOLD_OF_ARRAYS[version], question = await super()._introspect_types(list(_ARRAYS), timeout)
        return _TOLD_OF_ARRAYS[version], question


async def close_engine(engine: AsyncEngine) -> None:
    """With its connections; after CLOSE_SECONDS without waiting for what is left of them."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await engine.dispose()


def refuse_closed(adapted: Any, record: Any, proxy: Any) -> None:
    """A connection that the server closed while it lay in the pool is known to be: no question has to be asked."""
    if adapted.driver_connection.is_closed():
        raise DisconnectionError


def _read_only(adapted: Any, record: Any) -> None:
    adapted.readonly = True
