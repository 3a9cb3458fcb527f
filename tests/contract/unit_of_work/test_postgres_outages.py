"""A server that goes and comes back, and connections that run out: told as what they are, and got over."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from signal import SIGINT, SIGKILL, Signals

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.database import DatabaseUnavailable
from shared.database.postgres import PostgresDatabase
from tests.contract.outbox.places import until
from tests.contract.unit_of_work.backends import Postgres, as_admin
from tests.contract.unit_of_work.tables import TABLES, how_many, names, note
from tests.contract.unit_of_work.test_postgres import PATIENCE_SECONDS, wait
from tests.real.postgres import PostgresServer, new_server

WRITERS = 12


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """One that may be killed."""
    one = new_server()
    yield one
    one.remove()


@pytest.fixture
async def database(server: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    one = PostgresDatabase(server.url("postgres"))
    async with one.engine.begin() as connection:
        await connection.run_sync(TABLES.create_all)
    await one.start()
    yield one
    await one.stop()


@pytest.mark.parametrize("how", [SIGKILL, SIGINT])
async def test_a_server_that_goes_keeps_what_was_answered_and_is_found_again(
    server: PostgresServer, database: PostgresDatabase, how: Signals
) -> None:
    answered: list[str] = []
    refused: list[DatabaseUnavailable] = []
    enough = asyncio.Event()

    def write_two(session: Session, name: str) -> None:
        note(session, name)
        note(session, f"{name} again")

    async def writer(number: int) -> None:
        count = 0
        while not enough.is_set():
            name = f"{number}-{count}"
            count += 1
            try:
                await database.write(partial(write_two, name=name))
                answered.append(name)
            except DatabaseUnavailable as gone:
                refused.append(gone)
                await asyncio.sleep(0.01)

    async def answers(more_than: int) -> bool:
        return len(answered) > more_than

    writers = asyncio.gather(*(writer(number) for number in range(WRITERS)))
    await until(partial(answers, 100))
    await asyncio.to_thread(server.stop, how)
    for ask in (database.write, database.read, database.study):
        with pytest.raises(DatabaseUnavailable):
            await ask(how_many)
    assert await database.healthy() is not None
    before = len(answered)
    await asyncio.to_thread(server.start)
    await until(partial(answers, before + 100))
    enough.set()
    await writers

    assert refused
    assert await database.healthy() is None
    stored = set(await database.read(names))
    assert set(answered) <= stored
    first = {name for name in stored if not name.endswith("again")}
    assert stored - first == {f"{name} again" for name in first}


async def test_a_restart_while_nothing_was_asked_is_felt_by_nobody(
    server: PostgresServer, database: PostgresDatabase
) -> None:
    await database.write(partial(note, name="before"))
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)

    await database.write(partial(note, name="after"))
    assert await database.read(names) == ["before", "after"]


class Cable:
    """Between a client and the server: it can be cut at the next COMMIT."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cut_before = self.cut_after = False
        """Cut before the server hears the COMMIT, or after it has done it and before the client hears so."""

    async def join(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_connection("127.0.0.1", self._port)
        ways = [asyncio.create_task(self._up(near, far_out)), asyncio.create_task(self._down(far, near_out))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (near_out, far_out):
            end.close()
            with contextlib.suppress(OSError):
                await end.wait_closed()

    async def _up(self, near: asyncio.StreamReader, far_out: asyncio.StreamWriter) -> None:
        while data := await near.read(65536):
            if b"COMMIT;" in data and self.cut_before:
                return
            far_out.write(data)

    async def _down(self, far: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        while data := await far.read(65536):
            if b"COMMIT\x00" in data and self.cut_after:
                return
            near_out.write(data)


@pytest.mark.parametrize("when", ["cut_before", "cut_after"])
async def test_a_commit_of_unknown_outcome_is_told_and_not_run_again(backend: Postgres, when: str) -> None:
    url = json.loads(backend.address)["url"]
    await (await backend.open()).write(partial(note, name="first"))
    runs = 0

    def second(session: Session) -> None:
        nonlocal runs
        runs += 1
        note(session, "second")

    port = int(url.rpartition(":")[2].partition("/")[0])
    cable = Cable(port)
    async with await asyncio.start_server(cable.join, "127.0.0.1", 0) as ends:
        database = PostgresDatabase(url.replace(f":{port}/", f":{ends.sockets[0].getsockname()[1]}/"))
        await database.start()
        setattr(cable, when, True)
        with pytest.raises(DatabaseUnavailable):
            await database.write(second)
        setattr(cable, when, False)

        stored = await database.read(names)
        await database.write(partial(note, name="third"))
        await database.stop()

    assert runs == 1
    assert stored == (["first", "second"] if when == "cut_after" else ["first"])


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Postgres]:
    one = Postgres(tmp_path)
    yield one
    await one.close()


async def test_a_session_that_is_ended_in_the_middle_is_told(backend: Postgres) -> None:
    database = await backend.open()

    def be_ended(session: Session) -> None:
        note(session, "before")
        with session.begin_nested():
            session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    def be_ended_and_go_on(session: Session) -> None:
        with contextlib.suppress(DatabaseUnavailable):
            be_ended(session)

    for work in (be_ended, be_ended_and_go_on):
        with pytest.raises(DatabaseUnavailable):
            await database.write(work)
    await database.write(partial(note, name="afterwards"))
    assert await database.read(names) == ["afterwards"]


async def test_who_finds_no_connection_free_is_told_and_others_go_on(backend: Postgres) -> None:
    await backend.open()
    database = PostgresDatabase(json.loads(backend.address)["url"], writers=1, patience_seconds=0.2)
    begun, go_on = asyncio.Event(), asyncio.Event()

    def hold(session: Session) -> str:
        begun.set()
        wait(go_on.wait)
        return note(session, "held")

    await database.start()
    held = asyncio.create_task(database.write(hold))
    await asyncio.wait_for(begun.wait(), PATIENCE_SECONDS)
    with pytest.raises(DatabaseUnavailable, match="free"):
        await database.write(partial(note, name="in vain"))
    go_on.set()

    assert await held == "held"
    assert await database.write(partial(note, name="then")) == "then"
    await database.stop()


async def test_a_server_with_no_room_for_another_connection_is_told(backend: Postgres) -> None:
    await backend.open()
    about = json.loads(backend.address)
    database = PostgresDatabase(about["url"])
    limit = f"ALTER DATABASE {about['name']} CONNECTION LIMIT"

    await as_admin(about, f"{limit} 0")
    with pytest.raises(DatabaseUnavailable, match="too many connections"):
        await database.start()
    await as_admin(about, f"{limit} -1")
    await database.start()
    assert await database.write(partial(note, name="then")) == "then"
    await database.stop()
