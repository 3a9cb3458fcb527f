"""What every key store promises, through its public door."""

import asyncio
import base64
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.security.keys import (
    KekUnknown,
    KeyDestroyed,
    KeyStore,
    KeyStoreClosed,
    KeyUnknown,
    SqliteKeyStore,
)
from shared.security.postgres_keys import PostgresKeyStore, migrate_key_store
from shared.security.sealing import Kek
from tests.real.postgres import drop_database, make_database, the_server

PLACE = {"case": "c1", "table": "person", "column": "name"}
KEK, NEW_KEK, THIRD_KEK = (Kek(bytes([number]) * 32) for number in (1, 2, 3))
OpenStore = Callable[..., KeyStore]


@pytest.fixture(params=["sqlite", "postgres"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenStore]:
    """Opens the one store of this test, as often as a test restarts."""
    opened: list[KeyStore] = []
    with contextlib.ExitStack() as stack:
        open_one = stack.enter_context(_on_postgres()) if request.param == "postgres" else _on_sqlite(tmp_path)

        def open_again(kek: Kek = KEK, *, older: tuple[Kek, ...] = (), cached: int = 1024) -> KeyStore:
            store = open_one(kek, "r1", older=older, batch=8, cached=cached)
            opened.append(store)
            return store

        yield open_again
        for store in opened:
            store.close()


def _on_sqlite(folder: Path) -> OpenStore:
    return partial(SqliteKeyStore, folder / "keys" / "intake.db")


@contextlib.contextmanager
def _on_postgres() -> Iterator[OpenStore]:
    """On a database of its own, and an event loop that runs beside the test as it does beside a thread."""
    server, name = the_server(), f"keys_{uuid4().hex}"
    with event_loop() as loop:

        def run(work: Coroutine[Any, Any, Any]) -> Any:
            return asyncio.run_coroutine_threadsafe(work, loop).result(30)

        run(make_database(server, name))
        assert run(migrate_key_store(server.url(name)))
        assert not run(migrate_key_store(server.url(name)))
        opened: list[PostgresKeyStore] = []

        def open_one(*args: Any, **options: Any) -> KeyStore:
            store = PostgresKeyStore(server.url(name), *args, **options)
            opened.append(store)
            run(store.start())
            return store

        yield open_one
        for store in opened:
            run(store.stop())
        run(drop_database(server, name))


@contextlib.contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def often_switching_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_a_key_opens_after_a_restart_what_it_sealed_before(open_store: OpenStore) -> None:
    store = open_store()
    keys = store.take(20)
    sealed = {key.id: key.seal(f"text of {key.id}", **PLACE) for key in keys}
    store.close()
    again = open_store()
    for key_id, blob in sealed.items():
        assert again.get(key_id).open(blob, **PLACE) == f"text of {key_id}"


def test_no_two_keys_are_alike(open_store: OpenStore) -> None:
    one, two = open_store().take(2)
    assert one.id < two.id
    with pytest.raises(Exception, match="altered"):
        two.open(one.seal("Siti", **PLACE), **PLACE)


def test_a_key_is_read_once_while_it_is_in_use(open_store: OpenStore) -> None:
    store = open_store(cached=2)
    one, two, three = (key.id for key in store.take(3))
    first = store.get(one)
    store.get(two)
    assert store.get(one) is first
    store.get(three)
    assert store.get(one) is first


def test_a_destroyed_key_is_told_from_one_that_never_was(open_store: OpenStore) -> None:
    store = open_store()
    kept, cached, unread = store.take(3)
    store.get(cached.id)
    assert store.destroy([cached.id, unread.id]) == 2
    for reader in (store, open_store()):
        for key_id in (cached.id, unread.id):
            with pytest.raises(KeyDestroyed):
                reader.get(key_id)
        assert reader.get(kept.id).id == kept.id
        with pytest.raises(KeyUnknown):
            reader.get("0198c0de-0000-7000-8000-000000000001")


def test_destruction_may_be_repeated(open_store: OpenStore) -> None:
    store = open_store()
    one, two = store.take(2)
    assert store.destroy([one.id]) == 1
    assert store.destroy([one.id, two.id, "never was"]) == 1
    assert store.destroy([]) == 0


def test_a_key_never_comes_back_from_a_read_that_ran_beside_its_destruction(
    open_store: OpenStore, often_switching_threads: None
) -> None:
    store = open_store()
    doomed = [key.id for key in store.take(300)]
    turn = threading.Barrier(3)

    def read_each() -> None:
        for key_id in doomed:
            turn.wait(30)
            with suppress(KeyDestroyed):
                for _ in range(20):
                    store.get(key_id)

    readers = [threading.Thread(target=read_each) for _ in range(2)]
    for reader in readers:
        reader.start()
    for key_id in doomed:
        turn.wait(30)
        store.destroy([key_id])
    for reader in readers:
        reader.join()
    for key_id in doomed:
        with pytest.raises(KeyDestroyed):
            store.get(key_id)


def test_rewrapped_keys_open_with_the_new_kek_alone(open_store: OpenStore) -> None:
    store = open_store()
    keys = store.take(30)
    store.destroy([keys[0].id])
    sealed = keys[1].seal("Siti", **PLACE)
    assert store.rewrap(KEK, NEW_KEK) >= 29
    assert store.rewrap(KEK, NEW_KEK) == 0
    later = store.take(20)
    store.close()
    again = open_store(NEW_KEK)
    assert again.get(keys[1].id).open(sealed, **PLACE) == "Siti"
    for key in (*keys[1:], *later):
        assert again.get(key.id).id == key.id
    with pytest.raises(KeyDestroyed):
        again.get(keys[0].id)


def test_keys_made_during_a_rewrap_are_not_left_behind(open_store: OpenStore) -> None:
    store = open_store()
    ids = [key.id for key in store.take(6_000)]
    taker = threading.Thread(target=lambda: ids.extend(key.id for _ in range(300) for key in store.take(1)))
    taker.start()
    store.rewrap(KEK, NEW_KEK)
    taker.join()
    store.close()
    again = open_store(NEW_KEK)
    assert {again.get(key_id).id for key_id in ids} == set(ids)


def test_a_rotation_may_take_its_time(open_store: OpenStore) -> None:
    """The new key-encryption key comes into use first; what the old one wraps is read until it is rewrapped."""
    store = open_store()
    old = store.take(1)[0].id
    store.close()
    rotating = open_store(NEW_KEK, older=(KEK,))
    new = rotating.take(1)[0].id
    assert (rotating.get(old).id, rotating.get(new).id) == (old, new)


def test_a_store_does_not_start_with_a_kek_that_cannot_read_it(open_store: OpenStore) -> None:
    store = open_store()
    store.take(1)
    store.close()
    with pytest.raises(KekUnknown, match=KEK.id):
        open_store(THIRD_KEK)
    open_store(KEK)


def test_a_closed_store_refuses_work(open_store: OpenStore) -> None:
    store = open_store()
    key = store.take(1)[0]
    store.get(key.id)
    store.close()
    store.close()
    for use in (
        lambda: store.take(1),
        lambda: store.get(key.id),
        lambda: store.destroy([key.id]),
        lambda: store.rewrap(KEK, NEW_KEK),
    ):
        with pytest.raises(KeyStoreClosed):
            use()


DYING_PROCESS = """
import os, signal, sys
from pathlib import Path
from shared.security.keys import SqliteKeyStore
from shared.security.postgres_keys import PostgresKeyStore, migrate_key_store
from shared.security.sealing import Kek
from tests.real.postgres import drop_database, make_database, the_server
store = SqliteKeyStore(Path(sys.argv[1]), Kek.from_environment(sys.argv[2]), "dying")
for key in store.take(5) + store.take(700):
    print(key.id, key.seal("Siti", case="c1", table="person", column="name").hex())
sys.stdout.flush()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_dies_after_taking_leaves_its_keys_in_the_store_and_to_nobody(tmp_path: Path) -> None:
    path, secret = tmp_path / "keys.db", base64.b64encode(bytes(32)).decode()
    died = subprocess.run(
        [sys.executable, "-c", DYING_PROCESS, str(path), secret], capture_output=True, text=True, timeout=60
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    sealed = dict(line.split() for line in died.stdout.splitlines())
    assert len(sealed) == 705
    store = SqliteKeyStore(path, Kek.from_environment(secret), "next")
    try:
        for key_id, blob in sealed.items():
            assert store.get(key_id).open(bytes.fromhex(blob), **PLACE) == "Siti"
        assert not {key.id for key in store.take(1_000)} & set(sealed)
    finally:
        store.close()


def test_no_key_is_given_out_when_the_store_cannot_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    store = SqliteKeyStore(path, KEK, "r1", batch=8)
    operator = sqlite3.connect(path)
    try:
        operator.executescript("CREATE TRIGGER full BEFORE INSERT ON data_key BEGIN SELECT RAISE(ABORT, 'full'); END")
        with pytest.raises(sqlite3.IntegrityError, match="full"):
            store.take(3)
        operator.executescript("DROP TRIGGER full")
        key = store.take(1)[0]
        assert store.get(key.id).id == key.id
    finally:
        operator.close()
        store.close()


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = SqliteKeyStore(tmp_path / "keys" / "intake.db", KEK, "r1")
        store.take(1)
    finally:
        os.umask(before)
    modes = {entry.name: entry.stat().st_mode & 0o777 for entry in (tmp_path / "keys").iterdir()}
    store.close()
    assert modes == dict.fromkeys(["intake.db", "intake.db-wal", "intake.db-shm"], 0o600)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
