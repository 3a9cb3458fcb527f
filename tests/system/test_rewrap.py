"""`pulang rewrap`: afterwards the new key-encryption key opens what the old one did, and the old one nothing."""

import asyncio
import base64
import os
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import pytest

from shared.security.keys import KekUnknown
from shared.security.postgres_keys import PostgresKeyStore, migrate_key_store
from shared.security.sealing import Kek
from tests.real.postgres import the_server
from tests.system.command import Said, pulang


async def test_keys_are_put_under_a_new_one() -> None:
    server, name = await asyncio.to_thread(the_server), f"keys_{uuid4().hex}"
    admin = await asyncpg.connect(server.url("postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    url = server.url(name)
    await migrate_key_store(url)
    old, new, foreign = (base64.b64encode(os.urandom(32)).decode() for _ in range(3))
    store = PostgresKeyStore(url, Kek.from_environment(old), owner="intake", batch=16)
    await store.start()
    taken = await asyncio.to_thread(store.take, 3)
    await store.stop()

    def rewrap(before: str, after: str) -> Said:
        variables = {"PULANG_KEY_STORE": url, "PULANG_KEK": before, "PULANG_KEK_NEW": after}
        return pulang("rewrap", "intake", variables=variables)

    refused = await asyncio.to_thread(rewrap, foreign, new)
    assert "another key than PULANG_KEK" in refused.line
    done = await asyncio.to_thread(rewrap, old, new)
    assert done.status == 0, done.err

    late = PostgresKeyStore(url, Kek.from_environment(old), owner="intake")
    with pytest.raises(KekUnknown):
        await late.start()
    await late.stop()
    again = PostgresKeyStore(url, Kek.from_environment(new), owner="intake")
    await again.start()
    sealed = [taken_key.id for taken_key in taken]
    assert [(await asyncio.to_thread(again.get, key)).id for key in sealed] == sealed
    await again.stop()
