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

import pytest
from sqlalchemy import MetaData

from shared.database import Database, SqliteDatabase
from tests.contract.unit_of_work.tables import TABLES


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


BACKENDS: tuple[type[Backend], ...] = (Sqlite,)


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
    raise ValueError(f"no backend is called {about['backend']}")


def _spine() -> MetaData:
    """Imported late: another process that only writes notes starts in a quarter of the time."""
    import shared.consuming.table
    import shared.http.idempotency
    import shared.security.audit  # noqa: F401
    from shared.outbox.table import SPINE

    return SPINE
