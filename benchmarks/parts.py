"""A real PostgreSQL and a real Kafka for the figures of the distributed profile, as the tests start them."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from shared.database.postgres import PostgresDatabase
from shared.ground import Ground
from shared.security.secrets import Secrets
from tests.real.kafka import RealKafka
from tests.real.postgres import PostgresServer, drop_database, make_database


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """One broker on a folder that is not there yet; its address."""
    broker = RealKafka(folder)
    broker.start()
    try:
        yield broker.bootstrap
    finally:
        broker.end()


@contextlib.contextmanager
def postgres(**settings: Any) -> Iterator[PostgresServer]:
    """A server of its own, durable (`fsync` is on)."""
    server = PostgresServer(**settings)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@contextlib.asynccontextmanager
async def database(server: PostgresServer, name: str) -> AsyncIterator[str]:
    """An empty database; its URL."""
    await make_database(server, name)
    try:
        yield server.url(name)
    finally:
        await drop_database(server, name)


async def run_sql(url: str, *statements: str) -> None:
    """Each by itself."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def percentile(ordered: list[float], part: float) -> float:
    """`part`: 0.5 for the median."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def sealing_nothing(store: PostgresDatabase, secrets: Secrets) -> Ground:
    """What a service stands on that seals nothing, as exchange does: there is no store of keys."""

    async def scrub(tables: Sequence[str]) -> bool:
        return True

    return Ground(store, None, secrets, False, store.start, store.stop, scrub)  # type: ignore[arg-type]
