"""The key store on PostgreSQL where it is used: inside units of work, by several replicas, while the server goes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from shared.database.postgres import PostgresDatabase
from shared.database.protocol import DatabaseUnavailable
from shared.security.key_engine import CONNECTIONS
from shared.security.keys import KekUnknown
from shared.security.postgres_keys import PostgresKeyStore, migrate_key_store
from shared.security.sealing import DataKey, Kek
from tests.faults.proxy import Proxy
from tests.real.postgres import PostgresServer, drop_database, make_database, new_server, the_server

KEK, OTHER = Kek(bytes(32)), Kek(bytes([1]) * 32)


@contextlib.asynccontextmanager
async def database(server: PostgresServer) -> AsyncIterator[str]:
    name = f"keys_{uuid4().hex}"
    await make_database(server, name)
    await migrate_key_store(server.url(name))
    yield server.url(name)
    await drop_database(server, name)


@contextlib.asynccontextmanager
async def store_of(url: str, owner: str = "r1") -> AsyncIterator[PostgresKeyStore]:
    store = PostgresKeyStore(url, KEK, owner, batch=4)
    await store.start()
    yield store
    await store.stop()


@pytest_asyncio.fixture
async def url() -> AsyncIterator[str]:
    async with database(the_server()) as one:
        yield one


async def test_units_of_work_take_and_find_keys_without_standing_in_each_others_way(url: str) -> None:
    work = PostgresDatabase(url)
    await work.start()
    async with store_of(url) as store, store_of(url, "r2") as other:
        taken = await asyncio.gather(*(work.write(lambda _: store.take(3)) for _ in range(20)))
        ids = [key.id for keys in taken for key in keys]
        found = await asyncio.gather(*(work.write(lambda _, key_id=key_id: other.get(key_id)) for key_id in ids))
    await work.stop()

    assert len(set(ids)) == 60
    assert [key.id for key in found] == ids


async def test_two_replicas_never_give_out_the_same_key(url: str) -> None:
    async with store_of(url) as one, store_of(url, "r2") as two:
        mine, theirs = await asyncio.gather(asyncio.to_thread(one.take, 50), asyncio.to_thread(two.take, 50))

    assert not {key.id for key in mine} & {key.id for key in theirs}


async def test_a_replica_with_another_kek_does_not_start(url: str) -> None:
    async with store_of(url) as store:
        await asyncio.to_thread(store.take, 1)

    stranger = PostgresKeyStore(url, OTHER, "r2")
    with pytest.raises(KekUnknown):
        await stranger.start()
    await stranger.stop()


async def test_a_server_that_is_away_is_told_and_found_again() -> None:
    server = new_server()
    try:
        async with database(server) as url, store_of(url) as store:
            first = await asyncio.to_thread(store.take, 1)
            server.stop()
            with pytest.raises(DatabaseUnavailable):
                await asyncio.to_thread(store.take, 100)
            absent = PostgresKeyStore(url, KEK, "r2")
            with pytest.raises(DatabaseUnavailable):
                await absent.start()
            await absent.stop()
            server.start()
            again = await asyncio.to_thread(store.take, 100)
            assert {key.id for key in first}.isdisjoint(key.id for key in again)
    finally:
        server.remove()


async def test_connections_that_a_firewall_has_forgotten_are_told_once_and_made_anew() -> None:
    server = the_server()
    async with database(server) as url, Proxy(("127.0.0.1", server.port)) as proxy:
        near = url.replace(f":{server.port}/", f":{proxy.address[1]}/")
        one, other = PostgresKeyStore(near, KEK, "r1", statement_seconds=0.5), PostgresKeyStore(url, KEK, "r2")
        await asyncio.gather(one.start(), other.start())
        keys = await asyncio.to_thread(other.take, 2 * CONNECTIONS)

        async def look_up(some: list[DataKey]) -> None:
            """All at once, so that each takes a connection."""
            await asyncio.gather(*(asyncio.to_thread(one.get, key.id) for key in some))

        await look_up(keys[:CONNECTIONS])
        proxy.forget()
        with pytest.raises(DatabaseUnavailable, match="the key store does not answer"):
            await asyncio.to_thread(one.get, keys[-1].id)
        await look_up(keys[CONNECTIONS:])
        await asyncio.gather(one.stop(), other.stop())
