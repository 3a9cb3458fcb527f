"""What the services of a test keep their data in: SQLite's files, or a PostgreSQL server with a database to each."""

import asyncio
import base64
import os
import re
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg  # type: ignore[import-untyped]

from pulang.app import definition
from pulang.services import SERVICES
from shared.database.postgres import PostgresDatabase
from shared.ground import Ground, embedded
from shared.migrating import migrate_server
from shared.security.postgres_keys import PostgresKeyStore, migrate_key_store
from shared.security.sealing import Kek
from shared.security.secrets import Secrets
from shared.settings import Settings
from tests.real.postgres import contents, empty_database, put_back, the_server

Result = TypeVar("Result")

PATIENCE_SECONDS = 60.0
"""How long a statement waits for a lock: a test that holds one may be slow, and must not be hurried."""


class Databases(Protocol):
    """Every service's database."""

    def ground(self, settings: Settings, service: str, migrations: Path) -> Ground:
        """What a replica of the service stands on. Nothing else of it is on the folder, but on the embedded profile."""

    def rows(self, settings: Settings, service: str, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What stands in a service's tables; `?` in the query for each of the values."""


class Embedded:
    """A file to each service, in the folder."""

    def ground(self, settings: Settings, service: str, migrations: Path) -> Ground:
        return embedded(settings, service, migrations)

    def rows(self, settings: Settings, service: str, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        file = sqlite3.connect(f"file:{settings.database(service)}?mode=ro", uri=True)
        try:
            return file.execute(query, values).fetchall()
        finally:
            file.close()


class OnServer:
    """A database to each service, migrated once and emptied for each test but for what its migrations put into it; one
    store of keys for all."""

    def __init__(self) -> None:
        self._server = the_server()
        kek, root = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
        self._begun: dict[str, dict[str, str]] = {}
        self._kek, self._secrets = Kek.from_environment(kek), Secrets.from_environment(root)
        in_a_thread(self._create)

    def url(self, service: str, user: str = "pulang") -> str:
        return self._server.url(f"pulang_{service}", user)

    def emptied(self, but: Sequence[str] = ()) -> "OnServer":
        """As new; `but` for these tables."""
        in_a_thread(lambda: self._empty(("alembic_version", *but)))
        return self

    def ground(self, settings: Settings, service: str, migrations: Path) -> Ground:
        database = PostgresDatabase(self.url(service), lock_seconds=PATIENCE_SECONDS)
        keys = PostgresKeyStore(self.url("keys"), self._kek, owner=service)

        async def open_() -> None:
            await database.start()
            await keys.start()

        async def close() -> None:
            await database.stop()
            await keys.stop()

        return Ground(database, keys, self._secrets, False, open_, close, settings.identity_reads)

    def rows(self, settings: Settings, service: str, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        places = iter(range(1, len(values) + 1))
        numbered = re.sub(r"\?", lambda _: f"${next(places)}", query)

        async def ask() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url(service))
            try:
                return [tuple(row) for row in await connection.fetch(numbered, *values)]
            finally:
                await connection.close()

        return in_a_thread(ask)

    async def _create(self) -> None:
        admin = await asyncpg.connect(self._server.url("postgres"))
        await admin.execute("CREATE ROLE pulang LOGIN")
        for name in (*SERVICES, "keys"):
            await admin.execute(f"CREATE DATABASE pulang_{name} OWNER pulang")
            # The server is never killed under these tests, so that nothing is lost by not waiting for the disk.
            await admin.execute(f"ALTER DATABASE pulang_{name} SET synchronous_commit = off")
        await admin.close()
        await migrate_key_store(self.url("keys"))
        for name in SERVICES:
            await migrate_server(self.url(name), definition(name).migrations)
            self._begun[name] = await contents(self._server.url(f"pulang_{name}"))

    async def _empty(self, but: Sequence[str]) -> None:
        await asyncio.gather(*(self._empty_one(name, but) for name in SERVICES))

    async def _empty_one(self, name: str, but: Sequence[str]) -> None:
        await empty_database(self._server, f"pulang_{name}", but)
        begun = {table: rows for table, rows in self._begun[name].items() if table not in but}
        if begun:
            await put_back(self._server.url(f"pulang_{name}"), begun)


def in_a_thread(work: Callable[[], Awaitable[Result]]) -> Result:
    """With an event loop of its own: a test's loop may be running here."""

    async def alone() -> Result:
        return await work()

    with ThreadPoolExecutor(1) as thread:
        running: Coroutine[Any, Any, Result] = alone()
        return thread.submit(asyncio.run, running).result()


@cache
def on_server() -> OnServer:
    """The ones of this test run. Skips or fails where there is no PostgreSQL."""
    return OnServer()


class Chosen:
    """The databases that the test at hand runs over; `tests/conftest.py` says which."""

    databases: Databases = Embedded()
