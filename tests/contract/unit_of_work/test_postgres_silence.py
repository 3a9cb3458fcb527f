"""Connections that a firewall has forgotten: nobody hears their end, so that only time tells."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.orm import Session

from shared.database import DatabaseUnavailable
from shared.database.postgres import PostgresDatabase
from shared.database.prepared import Prepared
from tests.contract.unit_of_work.backends import Postgres
from tests.contract.unit_of_work.tables import Note, names, note
from tests.contract.unit_of_work.test_postgres import wait
from tests.faults.proxy import Proxy

ANSWER_SECONDS = 0.5
CONNECTIONS = 4
NAMES = Prepared(select(Note.name))


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[URL]:
    """Of a database with tables."""
    backend = Postgres(tmp_path)
    await backend.open()
    yield make_url(json.loads(backend.address)["url"])
    await backend.close()


@pytest.fixture
async def wire(url: URL) -> AsyncIterator[tuple[Proxy, PostgresDatabase]]:
    """The database by connections that can be forgotten; all that it may open are open."""
    assert url.host
    assert url.port
    async with Proxy((url.host, url.port)) as proxy:
        near = url.set(host=proxy.address[0], port=proxy.address[1]).render_as_string(hide_password=False)
        database = PostgresDatabase(near, writers=CONNECTIONS, command_seconds=ANSWER_SECONDS)
        await database.start()
        await use_all(database, "before")
        yield proxy, database
        await database.stop()


async def use_all(database: PostgresDatabase, prefix: str) -> None:
    """As many units of work at once as there are connections."""
    together = asyncio.Barrier(CONNECTIONS)

    def meet(session: Session, name: str) -> None:
        note(session, name)
        wait(together.wait)

    await asyncio.gather(*(database.write(partial(meet, name=f"{prefix} {n}")) for n in range(CONNECTIONS)))


def by_sqlalchemy(session: Session) -> None:
    names(session)


def by_the_short_way(session: Session) -> None:
    NAMES.all(session)


@pytest.mark.parametrize("ask", [by_sqlalchemy, by_the_short_way])
@pytest.mark.parametrize("when", ["before it begins", "in the middle", "before its commit"])
async def test_a_unit_of_work_on_a_forgotten_connection_is_told_and_the_next_ones_go_well(
    wire: tuple[Proxy, PostgresDatabase], when: str, ask: Callable[[Session], None]
) -> None:
    proxy, database = wire

    def work(session: Session) -> None:
        if when == "before it begins":
            proxy.forget()
        ask(session)
        if when == "in the middle":
            proxy.forget()
        ask(session)
        note(session, "in vain")
        if when == "before its commit":
            proxy.forget()

    with pytest.raises(DatabaseUnavailable):
        await database.write(work)

    # No other connection is waited for in its turn: with one, all count as gone.
    await use_all(database, "after")
    assert len(await database.write(names)) == 2 * CONNECTIONS
