"""SQLite: one writer with group commit, whose statements run on the event loop and whose commits do not.

Every commit costs an fsync, and there is one writer anyway: so requests that wait together are written together. Each
runs in a savepoint of its own, one commit makes all of them true, and no one hears anything before it. Where the
shared commit fails, each runs again alone and only the culprit gets the error. That rules out two things in a schema:
deferred constraints (they would fail at the shared commit) and RAISE(ROLLBACK) (it would end the neighbours' work).

Only what waits for the disk leaves the event loop. A statement here takes microseconds, and sqlite3 gives up the
interpreter lock at every one and at every row: on a thread of its own it waits each time until the loop lets go again,
up to five milliseconds. Commits, and reads that walk much (`study`), are on threads (docs/decisions/0006).
"""

import asyncio
import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from shared.database.protocol import DatabaseUnavailable
from shared.database.sqlite_engine import driver_of, engine_of
from shared.tasks import why_ended

Result = TypeVar("Result")

GROUP_MEMBERS = 64
LOCK_POLL_SECONDS = 0.01
GROUP_SECONDS = 0.02
"""A group takes no new member after this long, so that nobody waits for a crowd."""


@dataclass(slots=True)
class _Member:
    """One waiting unit of work, and the caller to tell."""

    work: Callable[[Session], Any]
    answer: "asyncio.Future[Any]"


@dataclass(slots=True)
class _Outcome:
    member: _Member
    result: Any = None
    error: BaseException | None = None

    def tell(self) -> None:
        if self.member.answer.done():  # its caller was cancelled
            return
        if self.error is None:
            self.member.answer.set_result(self.result)
        else:
            self.member.answer.set_exception(_tellable(self.error))


class _GroupLost(Exception):
    """SQLite ended the whole transaction (disk full, I/O error): nobody's savepoint survived."""


class SqliteDatabase:
    """A database in one file, for the event loop that started it; one process at a time (see `pulang up`)."""

    def __init__(self, path: Path, patience_seconds: float = 5.0) -> None:
        """`patience_seconds`: how long to wait for another writer of the file (an operator's shell, a backup's)."""
        self._path = path
        self._patience_seconds = patience_seconds
        self._waiting: deque[_Member] = deque()
        self._wanted = asyncio.Event()
        self._server: asyncio.Task[None] | None = None
        self._stopping = False
        self._emptying: deque[asyncio.Future[bool]] = deque()
        self._writer = engine_of(path, StaticPool, "BEGIN IMMEDIATE", 0.0)
        self._reader = engine_of(path, StaticPool, "BEGIN", patience_seconds)
        self._student = engine_of(path, StaticPool, "BEGIN", patience_seconds)
        self._connection: Connection | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix=f"{path.stem}-commit")
        self._study = ThreadPoolExecutor(1, thread_name_prefix=f"{path.stem}-study")

    @property
    def engine(self) -> Engine:
        """The writer's engine, for migrations before `start`."""
        return self._writer

    async def start(self) -> None:
        self._server = asyncio.create_task(self._serve(), name=f"{self._path.stem}-write")

    async def stop(self) -> None:
        self._stopping = True
        self._wanted.set()
        if self._server is not None:
            await asyncio.wait([self._server])
        self._disk.shutdown(wait=True)
        self._study.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
        for engine in (self._student, self._reader, self._writer):
            engine.dispose()

    async def write(self, work: Callable[[Session], Result]) -> Result:
        if self._stopping or self._server is None or self._server.done():
            raise DatabaseUnavailable("shutting down")
        answer: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Member(work, answer))
        self._wanted.set()
        return await answer

    async def read(self, work: Callable[[Session], Result]) -> Result:
        if self._stopping:
            raise DatabaseUnavailable("shutting down")
        return _read(self._reader, work)

    async def glance(self, work: Callable[[Session], Result]) -> Result:
        return await self.read(work)

    async def study(self, work: Callable[[Session], Result]) -> Result:
        if self._stopping:
            raise DatabaseUnavailable("shutting down")
        return await asyncio.get_running_loop().run_in_executor(self._study, _read, self._student, work)

    async def empty_log(self) -> bool:
        """All that was committed stands in the file itself, and the write-ahead log is empty; False where a reader
        still needs it. Raises DatabaseUnavailable."""
        if self._stopping or self._server is None or self._server.done():
            raise DatabaseUnavailable("shutting down")
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._emptying.append(answer)
        self._wanted.set()
        return await answer

    async def healthy(self) -> str | None:
        if self._server is None or self._server.done():
            return f"{self._path.name}: the writer is not running"
        try:
            await self.read(lambda session: session.connection().exec_driver_sql("SELECT 1").scalar())
        except DatabaseUnavailable as gone:
            return f"{self._path.name}: {gone}"
        return None

    def failed(self) -> BaseException | None:
        """Why the writer ended by itself: the process must not go on without it."""
        return why_ended(self._server)

    async def _serve(self) -> None:
        while True:
            while not (self._waiting or self._emptying):
                if self._stopping:
                    return
                self._wanted.clear()
                await self._wanted.wait()
            while self._emptying:
                await self._checkpoint(self._emptying.popleft())
            for outcome in await self._together():
                outcome.tell()
            await asyncio.sleep(0)  # those who were told go on before the next group is taken

    async def _checkpoint(self, answer: "asyncio.Future[bool]") -> None:
        """By the writer, which owns checkpoints, between two transactions."""
        connection = self._connection = self._connection or self._writer.connect()
        try:
            row = await asyncio.get_running_loop().run_in_executor(
                self._disk, lambda: driver_of(connection).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            )
        except sqlite3.OperationalError:  # locked by another writer
            row = (1,)
        if not answer.done():
            answer.set_result(row[0] == 0)

    async def _together(self) -> list[_Outcome]:
        """Run whoever waits, in one commit; each alone, where that fails."""
        outcomes: list[_Outcome] = []
        if not self._waiting:
            return outcomes
        full_at = time.monotonic() + GROUP_SECONDS
        try:
            async with self._transaction() as connection:
                while self._waiting and len(outcomes) < GROUP_MEMBERS and time.monotonic() < full_at:
                    outcomes.append(_Outcome(self._waiting.popleft()))
                    _run(connection, outcomes[-1])
        except Exception as broken:
            outcomes = outcomes or [_Outcome(self._waiting.popleft())]
            if len(outcomes) == 1:
                outcomes[0].error = _unavailable(broken)
            else:
                outcomes = [await self._alone(outcome.member) for outcome in outcomes]
        return outcomes

    async def _alone(self, member: _Member) -> _Outcome:
        outcome = _Outcome(member)
        try:
            async with self._transaction() as connection:
                _run(connection, outcome)
        except Exception as broken:
            outcome.error = _unavailable(broken)
        return outcome

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        """Begun here, committed on the thread that may wait for the disk."""
        connection = self._connection = self._connection or self._writer.connect()
        await self._begin(connection)
        try:
            yield connection
            await asyncio.get_running_loop().run_in_executor(self._disk, connection.commit)
        except BaseException:
            connection.rollback()
            driver_of(connection).rollback()  # after a commit that failed, SQLAlchemy thinks that there is none
            raise

    async def _begin(self, connection: Connection) -> None:
        """The connection itself waits for no lock: that would hold up the loop."""
        patient_until = time.monotonic() + self._patience_seconds
        while True:
            try:
                connection.begin()
                return
            except OperationalError:
                if time.monotonic() > patient_until:
                    raise
                await asyncio.sleep(LOCK_POLL_SECONDS)


def _read(engine: Engine, work: Callable[[Session], Result]) -> Result:
    try:
        with engine.connect() as connection, connection.begin(), Session(connection, expire_on_commit=False) as session:
            return work(session)
    except OperationalError as broken:
        raise DatabaseUnavailable(_why(broken)) from broken
    except StopIteration as error:
        raise _tellable(error) from None


def _run(connection: Connection, outcome: _Outcome) -> None:
    """One member in a savepoint; what it raises is its own. Raises _GroupLost when the transaction is gone.

    The savepoint is set on the driver: SQLAlchemy's own costs as much as three inserts. The price: where an ORM flush
    fails, the session rolls back all it knows, which is the group; it is lost then, and its members run alone.
    """
    raw = driver_of(connection)
    raw.execute("SAVEPOINT member")
    try:
        with Session(connection, join_transaction_mode="rollback_only", expire_on_commit=False) as session:
            outcome.result = outcome.member.work(session)
            session.flush()
    except BaseException as error:  # whatever it is: the writer serves the others too
        outcome.result, outcome.error = None, error
        if isinstance(error, OperationalError):
            outcome.error = _unavailable(error)
        if not raw.in_transaction:
            raise _GroupLost from error
        raw.execute("ROLLBACK TO member")
    if not raw.in_transaction:
        raise _GroupLost
    raw.execute("RELEASE member")


def _tellable(error: BaseException) -> BaseException:
    """A future takes no StopIteration."""
    if isinstance(error, StopIteration):
        told = RuntimeError("the work raised StopIteration")
        told.__cause__ = error
        return told
    return error


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
