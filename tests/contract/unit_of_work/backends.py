"""The databases that have to pass these suites (unit of work, outbox, inbox), and the features that each may lack.

To add one: write its class here, and enter it in `BACKENDS` and `open_database`.
"""

import asyncio
import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import MetaData

from shared.database import Database, SqliteDatabase
from shared.database.postgres import PostgresDatabase
from tests.contract.unit_of_work.tables import TABLES
from tests.real.postgres import drop_database, empty_database, psql, the_server


class Feature(Enum):
    """What a test may need beyond the protocol."""

    OTHER_PROCESS = "the database can be opened by another process when this one has it not open"
    LOCAL_DISK = "the database is a file of this process, so that a full disk can be played"
    THREADED_STUDY = "a study has a thread of its own, so that a test can hold it open"
    LOSES_TRANSACTIONS = "the database may end a transaction by itself, and takes the next statement as a new one"
    LOCKABLE = "somebody else can lock the whole database"
    OPEN_WRITERS = "two writing transactions can be open at once, so that one can commit late"


class Backend(ABC):
    """One place for data, and the databases that are opened on it."""

    features: frozenset[Feature]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: list[Database] = []

    @property
    @abstractmethod
    def address(self) -> str:
        """What `open_database` needs, as JSON."""

    def locked(self) -> AbstractContextManager[None]:
        """Somebody else holds the whole database. Needs LOCKABLE."""
        raise NotImplementedError

    def require(self, feature: Feature) -> None:
        """Skips the test where the feature is missing."""
        if feature not in self.features:
            pytest.skip(f"{type(self).__name__} lacks {feature.name}: {feature.value}")

    async def open(self) -> Database:
        """A started database with the tables of the spine and of this suite."""
        database = await open_database(self.address)
        self._opened.append(database)
        return database

    async def close(self) -> None:
        for database in self._opened:
            await database.stop()


class Sqlite(Backend):
    """One writer with group commit."""

    features = frozenset(Feature) - {Feature.OPEN_WRITERS}

    @property
    def address(self) -> str:
        return json.dumps({"backend": "sqlite", "path": str(self.folder / "service.db")})

    @contextmanager
    def locked(self) -> Iterator[None]:
        other = sqlite3.connect(self.folder / "service.db", isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")
        finally:
            other.close()


class Postgres(Backend):
    """Writers side by side, on a server that outlives the process. A database to each folder."""

    features = frozenset(Feature) - {Feature.LOCAL_DISK, Feature.THREADED_STUDY, Feature.LOSES_TRANSACTIONS}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._place = folder / "postgres.json"
        self._mine = not self._place.exists()
        if self._mine:
            server, name = the_server(), _spare.pop() if _spare else f"test_{uuid4().hex}"
            self._place.write_text(
                json.dumps(
                    {
                        "backend": "postgres",
                        "name": name,
                        "url": server.url(name, ROLE),
                        "admin": server.url("postgres"),
                    }
                )
            )

    @property
    def address(self) -> str:
        return self._place.read_text()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Others may read meanwhile, as beside SQLite's one writer."""
        with psql(json.loads(self.address)["url"]) as other:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(_LOCK_EVERYTHING)
            other.stdin.flush()
            assert other.stdout.readline() == "locked\n"
            yield
            other.stdin.close()

    async def close(self) -> None:
        await super().close()
        if self._mine:
            await _give_back(json.loads(self.address))


_spare: list[str] = []
"""Databases that are as new again: copying and dropping one takes ten times as long as emptying it."""
ROLE = "service"
"""Owns its database and nothing else, as in production."""
_TEMPLATE = "template_of_tests"
_LOCK_EVERYTHING = r"""
BEGIN;
SELECT format('LOCK TABLE %I IN EXCLUSIVE MODE', tablename) FROM pg_tables WHERE schemaname = 'public' \gexec
SELECT 'locked';
"""

BACKENDS: tuple[type[Backend], ...] = (Sqlite, Postgres)


async def open_database(address: str, *, spine: bool = True) -> Database:
    """A started database; a new one gets the tables of this suite and, with `spine`, those of every service."""
    about = json.loads(address)
    match about["backend"]:
        case "sqlite":
            path = Path(about["path"])
            new = not await asyncio.to_thread(path.exists)
            database = SqliteDatabase(path, patience_seconds=0.2)
            if new:
                await asyncio.to_thread(TABLES.create_all, database.engine)
                if spine:
                    await asyncio.to_thread(_spine().create_all, database.engine)
            await database.start()
            return database
        case "postgres":
            await _create(about)
            server = PostgresDatabase(about["url"], patience_seconds=30.0, lock_seconds=3.0)
            await server.start()
            return server
    raise ValueError(f"no backend is called {about['backend']}")


async def _create(about: dict[str, Any]) -> None:
    """A copy of one that has the tables of the suite and of the spine, where there is none yet."""
    databases = await _names(about)
    if _TEMPLATE not in databases:
        await as_admin(about, f"CREATE ROLE {ROLE} LOGIN")
        await as_admin(about, f"CREATE DATABASE {_TEMPLATE} OWNER {ROLE}")
        database = PostgresDatabase(about["url"].replace(about["name"], _TEMPLATE))
        async with database.engine.begin() as connection:
            await connection.run_sync(TABLES.create_all)
            await connection.run_sync(_spine().create_all)
        await database.stop()
    if about["name"] not in databases:
        await as_admin(about, f"CREATE DATABASE {about['name']} TEMPLATE {_TEMPLATE} OWNER {ROLE}")


async def _give_back(about: dict[str, Any]) -> None:
    """To the next test, without a row and without a session; one that got other tables is dropped."""
    name = about["name"]
    of_others = f"FROM pg_stat_activity WHERE datname = '{name}'"
    await as_admin(about, f"SELECT pg_terminate_backend(pid, 30000) {of_others}")
    if name in await _names(about):
        tables = await empty_database(the_server(), name)
        if tables == len(TABLES.tables) + len(_spine().tables):
            _spare.append(name)
        else:
            await drop_database(the_server(), name)


async def _names(about: dict[str, Any]) -> set[str]:
    return {row["datname"] for row in await as_admin(about, "SELECT datname FROM pg_database")}


async def as_admin(about: dict[str, Any], statement: str) -> list[Any]:
    """What the operator of the server asks of it. `about`: a backend's address."""
    connection = await asyncpg.connect(about["admin"])
    try:
        rows: list[Any] = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


def _spine() -> MetaData:
    """Imported late: another process that only writes notes starts in a quarter of the time."""
    import shared.consuming.table
    import shared.http.idempotency
    import shared.security.audit  # noqa: F401
    from shared.outbox.table import SPINE

    return SPINE
