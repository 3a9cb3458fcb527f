"""The key store on PostgreSQL where it is used: inside units of work, by several replicas, while the server goes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import pytest
import pytest_asyncio

from shared.database.postgres import PostgresDatabase
from shared.database.protocol import DatabaseUnavailable
from shared.database.vacuum import vacuum
from shared.security import postgres_keys
from shared.security.key_engine import CONNECTIONS
from shared.security.keys import KekUnknown, KeyDestroyed
from shared.security.postgres_keys import DATA_KEY, PostgresKeyStore, migrate_key_store
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


async def test_a_vacuumed_store_has_no_version_of_a_row_with_a_destroyed_key(url: str) -> None:
    """Of those there were, some bytes may stay in the free space of a page (decision 17)."""
    admin = await asyncpg.connect(url)
    try:
        await admin.execute("CREATE EXTENSION pageinspect")
    except asyncpg.FeatureNotSupportedError:
        await admin.close()
        pytest.skip("the server has no pageinspect, which shows what a page holds")

    async def versions() -> bytes:
        size = "SELECT pg_relation_size('data_key') / 8192"
        items = "SELECT t_data FROM heap_page_items(get_raw_page('data_key', $1::int)) WHERE t_data IS NOT NULL"
        found = [row for page in range(await admin.fetchval(size)) for row in await admin.fetch(items, page)]
        return b"".join(row["t_data"] for row in found)

    async with store_of(url) as store:
        ids = [key.id for key in await asyncio.to_thread(store.take, 200)]
        doomed, kept = ids[::10], ids[1::10]
        wrapped = {row["key_id"]: row["wrapped"] for row in await admin.fetch("SELECT key_id, wrapped FROM data_key")}
        assert await asyncio.to_thread(store.destroy, doomed) == len(doomed)
        before = await versions()
        assert all(wrapped[key] in before for key in doomed)
        await vacuum(url, [DATA_KEY.name])
        left = await versions()
        assert not any(wrapped[key] in left for key in doomed)
        assert all(wrapped[key] in left for key in kept)
    await admin.close()


async def test_another_replica_forgets_a_destroyed_key(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with store_of(url) as one, store_of(url, "r2") as other:
        (key,) = await asyncio.to_thread(one.take, 1)
        assert (await asyncio.to_thread(other.get, key.id)).id == key.id
        await asyncio.to_thread(one.destroy, [key.id])
        monkeypatch.setattr(postgres_keys, "CACHED_SECONDS", 0.0)
        with pytest.raises(KeyDestroyed):
            await asyncio.to_thread(other.get, key.id)


async def test_what_cannot_be_vacuumed_is_an_outage(url: str) -> None:
    with pytest.raises(DatabaseUnavailable, match="could not vacuum"):
        await vacuum(url, ["no_such_table"])
    with pytest.raises(DatabaseUnavailable, match="could not vacuum"):
        await vacuum(url.replace("@127.0.0.1", "@127.0.0.2").rsplit(":", 1)[0] + ":1/nowhere", ["data_key"])


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
