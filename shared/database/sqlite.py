"""SQLite: one writer thread with group commit, and readers on threads of their own.

Every commit costs an fsync, and there is one writer anyway: so requests that wait together are written together. Each
runs in a savepoint of its own, one commit makes all of them true, and no one hears anything before it. Where the
shared commit fails, each runs again alone and only the culprit gets the error. That rules out two things in a schema:
deferred constraints (they would fail at the shared commit) and RAISE(ROLLBACK) (it would end the neighbours' work).
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool, StaticPool

from shared.database.protocol import DatabaseUnavailable

Result = TypeVar("Result")

GROUP_MEMBERS = 64
GROUP_SECONDS = 0.02
"""A group takes no new member after this long, so that nobody waits for a crowd."""


@dataclass(slots=True)
class _Member:
    """One waiting unit of work, and the caller to tell."""

    work: Callable[[Session], Any]
    answer: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop


@dataclass(slots=True)
class _Outcome:
    member: _Member
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.member.answer.cancelled():
            return
        if self.error is None:
            self.member.answer.set_result(self.result)
        else:
            self.member.answer.set_exception(self.error)


class _GroupLost(Exception):
    """SQLite ended the whole transaction (disk full, I/O error): nobody's savepoint survived."""


class SqliteDatabase:
    """A database in one file. Thread safe for callers on any event loop; one process at a time (see `pulang up`)."""

    def __init__(self, path: Path, readers: int = 2) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[_Member | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._writer = _engine(path, StaticPool, "BEGIN IMMEDIATE")
        self._reader = _engine(path, QueuePool, "BEGIN", pool_size=readers, max_overflow=0)
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix=f"{path.stem}-read")

    @property
    def engine(self) -> Engine:
        """The writer's engine, for migrations before `start`."""
        return self._writer

    async def start(self) -> None:
        self._thread = threading.Thread(target=self._serve, name=f"{self._path.stem}-write", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        if self._thread is not None and not self._stopping:
            self._stopping = True
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
        self._readers.shutdown(wait=True)
        self._reader.dispose()
        self._writer.dispose()

    async def write(self, work: Callable[[Session], Result]) -> Result:
        if self._stopping:
            raise DatabaseUnavailable("shutting down")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Result] = loop.create_future()
        self._queue.put(_Member(work, answer, loop))
        return await answer

    async def read(self, work: Callable[[Session], Result]) -> Result:
        if self._stopping:
            raise DatabaseUnavailable("shutting down")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def healthy(self) -> str | None:
        if self._thread is None or not self._thread.is_alive():
            return f"{self._path.name}: the writer is not running"
        try:
            await self.read(lambda session: session.connection().exec_driver_sql("SELECT 1").scalar())
        except DatabaseUnavailable as gone:
            return f"{self._path.name}: {gone}"
        return None

    def _read(self, work: Callable[[Session], Result]) -> Result:
        try:
            with Session(self._reader, expire_on_commit=False) as session:
                return work(session)
        except OperationalError as broken:
            raise DatabaseUnavailable(_why(broken)) from broken

    def _serve(self) -> None:
        while (first := self._queue.get()) is not None:
            outcomes, last = self._group(first)
            _tell(outcomes)
            if last:
                return

    def _group(self, first: _Member) -> tuple[list[_Outcome], bool]:
        """Run `first` and whoever waits behind it in one commit. True in second place: asked to stop."""
        outcomes: list[_Outcome] = []
        member: _Member | None = first
        last = False
        full_at = time.monotonic() + GROUP_SECONDS
        try:
            with self._writer.begin() as connection:
                while member is not None:
                    outcome = _Outcome(member)
                    outcomes.append(outcome)
                    _run(connection, outcome)
                    member = None
                    if len(outcomes) < GROUP_MEMBERS and time.monotonic() < full_at:
                        try:
                            member = self._queue.get_nowait()
                            last = member is None
                        except queue.Empty:
                            break
        except Exception as broken:
            if len(outcomes) == 1:
                outcomes[0].error = _unavailable(broken)
            else:
                outcomes = [self._alone(outcome.member) for outcome in outcomes]
        return outcomes, last

    def _alone(self, member: _Member) -> _Outcome:
        outcome = _Outcome(member)
        try:
            with self._writer.begin() as connection:
                _run(connection, outcome)
        except Exception as broken:
            outcome.error = _unavailable(broken)
        return outcome


def _run(connection: Connection, outcome: _Outcome) -> None:
    """One member in a savepoint; what it raises is its own. Raises _GroupLost when the transaction is gone.

    The savepoint is set on the driver: SQLAlchemy's own costs as much as three inserts. The price: where an ORM flush
    fails, the session rolls back all it knows, which is the group; it is lost then, and its members run alone.
    """
    raw = _driver(connection)
    raw.execute("SAVEPOINT member")
    try:
        with Session(connection, join_transaction_mode="rollback_only", expire_on_commit=False) as session:
            outcome.result = outcome.member.work(session)
            session.flush()
    except Exception as error:
        outcome.result, outcome.error = None, error
        if isinstance(error, OperationalError):
            outcome.error = _unavailable(error)
        if not raw.in_transaction:
            raise _GroupLost from error
        raw.execute("ROLLBACK TO member")
    raw.execute("RELEASE member")


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast(sqlite3.Connection, connection.connection.dbapi_connection)


def _tell(outcomes: Sequence[_Outcome]) -> None:
    """Wake each caller on its own loop, all callers of one loop at once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        loops.setdefault(outcome.member.loop, []).append(outcome)
    for loop, mine in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_tell_all, mine)


def _tell_all(outcomes: list[_Outcome]) -> None:
    for outcome in outcomes:
        outcome.tell()


def _unavailable(broken: Exception) -> Exception:
    if isinstance(broken, _GroupLost):
        cause = broken.__cause__
        return _unavailable(cause) if isinstance(cause, Exception) else DatabaseUnavailable("transaction lost")
    if isinstance(broken, OperationalError):
        unavailable = DatabaseUnavailable(_why(broken))
        unavailable.__cause__ = broken
        return unavailable
    return broken


def _why(broken: OperationalError) -> str:
    """SQLite's own word (`database or disk is full`): never the statement or its parameters."""
    return str(broken.orig)


def _engine(path: Path, pool: Any, begin: str, **options: Any) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=pool,
        connect_args={"check_same_thread": False, "timeout": 5.0, "isolation_level": None},
        query_cache_size=2000,
        hide_parameters=True,
        **options,
    )

    @event.listens_for(engine, "connect")
    def _set_up(raw: sqlite3.Connection, record: Any) -> None:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA cache_size = -8000")
        if begin == "BEGIN":
            raw.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
