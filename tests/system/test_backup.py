"""Backups, and what becomes of what they lack. Real servers, the real bus, the command that operators use."""

import asyncio
import base64
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import asyncpg  # type: ignore[import-untyped]
import pytest
from sqlalchemy import select

from pulang.app import definition
from services.aid.models import Case
from shared.auditing.judging import judge
from shared.auditing.publishing import HeadPublisher
from shared.auditing.restored import heads_are_lacking
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Bus, Record
from shared.consuming.parking import event_of
from shared.database.postgres import PostgresDatabase
from shared.events.envelope import STRUCTURED, Event
from shared.events.exchange import AgencyLeft
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.events.intake import CaseErased
from shared.migrating import migrate_server
from shared.outbox.lease import Lease
from shared.outbox.record import StateBehind
from shared.outbox.relay import Relay, backlog
from shared.outbox.table import EVENTS
from shared.outbox.verify import verify_chains
from shared.restoring.entering import behind, open_again
from shared.restoring.noticing import has_moved, is_older
from shared.security.audit import audit
from shared.security.keys import SqliteKeyStore
from shared.security.membership import agencies_left
from shared.security.sealing import Kek
from shared.security.secrets import Secrets
from shared.settings import Settings
from shared.work import Desk
from tests.contract.events.facts import event_about
from tests.contract.inbox.test_giving_up import OPERATOR
from tests.contract.outbox.places import until
from tests.real.postgres import PostgresServer, new_server
from tests.real.provisioned import Provisioned, provisioned_kafka
from tests.services.intake.test_screening import FINDING
from tests.system.command import pulang, up
from tests.world import Pulang, running

SERVICE = "aid"
ROLE = "aid"
ROOT_SECRET = base64.b64encode(os.urandom(32)).decode()
ARCHIVING = {"archive_mode": "on", "archive_command": "mkdir -p FOLDER/archive && cp %p FOLDER/archive/%f"}
A, B, C, D = (f"0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b0{number}" for number in range(4))


class Noted(Fact):
    """A fact of this test."""

    TYPE: ClassVar[str] = "pulang.case.noted.v1"

    text: str


class Replica:
    """The service on a server, without its routes."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.url = server.url(SERVICE, ROLE)
        self.database = PostgresDatabase(self.url)
        keys = SqliteKeyStore(folder / "keys.db", Kek.load_or_create(folder / "kek"), owner=SERVICE)
        self.desk = Desk(SERVICE, self.database, Secrets.from_environment(ROOT_SECRET), keys)

    async def __aenter__(self) -> "Replica":
        await self.database.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.database.stop()
        self.desk.keys.close()

    async def tell(self, subject: str, *texts: str) -> None:
        for text in texts:
            await self.desk.write(lambda work, text=text: work.record(subject, Noted(text=text)))  # type: ignore[misc]

    async def note(self, subject: str) -> None:
        await self.desk.write(lambda work: audit(work, "test.note", subject), OPERATOR)

    async def relay(self, bus: Bus) -> None:
        """Until everything is on the bus."""
        relay = Relay(self.desk, bus, Lease(self.database, "relay"))
        await relay.start()

        async def sent() -> bool:
            return await self.desk.read(backlog) == 0

        await until(sent)
        heads = HeadPublisher(self.desk, bus, relay)
        await heads.start()
        await heads.stop()  # with all that is in the audit log
        await relay.stop()

    async def log(self) -> list[tuple[Any, ...]]:
        columns = (EVENTS.c.subject, EVENTS.c.streamversion, EVENTS.c.id, EVENTS.c.payload, EVENTS.c.hash)
        chosen = select(*columns).order_by(EVENTS.c.subject, EVENTS.c.streamversion)
        return await self.desk.read(lambda session: [tuple(row) for row in session.execute(chosen)])

    async def broken(self) -> Sequence[Any]:
        found = await self.desk.study(lambda session: verify_chains(session, self.desk.secrets.chain))
        return list(found["broken"])


@pytest.fixture
async def first(tmp_path: Path) -> AsyncIterator[PostgresServer]:
    """A server that archives its WAL, with the service's database."""
    server = await asyncio.to_thread(new_server, **ARCHIVING)
    admin = await asyncpg.connect(server.url("postgres"))
    await admin.execute(f"CREATE ROLE {ROLE} LOGIN")
    await admin.execute(f"CREATE DATABASE {SERVICE} OWNER {ROLE}")
    await admin.close()
    await migrate_server(server.url(SERVICE, ROLE), definition(SERVICE).migrations)
    yield server
    await asyncio.to_thread(server.remove)


async def test_base_backup_and_wal_bring_back_the_last_commit(first: PostgresServer, tmp_path: Path) -> None:
    async with Replica(first, tmp_path) as replica:
        await replica.tell(A, "before")
        backup = await asyncio.to_thread(first.base_backup, tmp_path / "backup")
        await replica.tell(A, "after", "and last")
        await replica.tell(B, "the last commit of all")
        written = await replica.log()
    await _archived(first)
    await asyncio.to_thread(first.stop)

    (backup / "recovery.signal").touch()
    second = await asyncio.to_thread(
        new_server, backup, restore_command=f"cp {first.folder}/archive/%f %p", archive_mode="off"
    )
    try:
        await _promoted(second)
        async with Replica(second, tmp_path) as restored:
            assert await restored.log() == written
            assert len(written) == 4
            assert await restored.broken() == []
            # Another history of the server: what it lacks is looked for before it may write.
            assert await restored.desk.read(has_moved)
    finally:
        await asyncio.to_thread(second.remove)


@pytest.fixture
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Provisioned:
    """From the main thread: the broker ends with the thread that launched it."""
    return provisioned_kafka(tmp_path_factory.getbasetemp())


async def test_an_older_backup_gets_back_from_kafka_what_it_lacks(
    first: PostgresServer, kafka: Provisioned, tmp_path: Path
) -> None:
    bus = KafkaBus(kafka.login(SERVICE), creates=False)
    await bus.start()
    consumers = definition(SERVICE).consumers
    try:
        async with Replica(first, tmp_path) as replica:
            await replica.tell(A, "one", "two")
            await replica.tell(B, "one")
            await replica.note("before")
            await replica.database.write(lambda session: session.add_all([Case(case_id=A), Case(case_id=D)]))
            backup = await asyncio.to_thread(first.base_backup, tmp_path / "backup")
            await replica.tell(A, "three", "four")
            await replica.note("after")
            await replica.tell(C, "one")
            await replica.relay(bus)
            gone = event_about(CaseErased())._replace(subject=D)
            left = event_about(AgencyLeft(agency="iom"))._replace(subject="iom", streamversion=3)
            told = (LIFECYCLE, gone), (OPERATIONS, left)
            await bus.publish([Record(topic, one.subject, one.to_bytes(), 0, STRUCTURED) for topic, one in told])
            written = await replica.log()
        await asyncio.to_thread(first.stop)
        second = await asyncio.to_thread(new_server, backup, archive_mode="off")
        try:
            async with Replica(second, tmp_path) as restored:
                assert len(await restored.log()) == 3
                assert await is_older(bus, restored.database, SERVICE, consumers, moved=False)
                key = restored.desk.secrets.heads
                assert await heads_are_lacking(bus, restored.database, SERVICE, key)

                login = kafka.login(SERVICE)
                variables = {
                    "PULANG_DATABASE": restored.url,
                    "PULANG_ROOT_SECRET": ROOT_SECRET,
                    "PULANG_KAFKA": login.bootstrap,
                    "PULANG_KAFKA_USER": str(login.user),
                    "PULANG_KAFKA_PASSWORD": str(login.password),
                }
                said = await asyncio.to_thread(pulang, "restore-check", SERVICE, "--json", variables=variables)

                assert said.status == 0, said.err
                assert [(one["subject"], one["state_version"]) for one in said.json()["read_only"]] == [(A, 2), (C, 0)]
                assert said.json()["put_back"] == 3
                assert said.json()["audit_lost"] == {"number": 1, "until": 2}
                assert not await heads_are_lacking(bus, restored.database, SERVICE, key)
                judged = await judge(SERVICE, restored.database, bus, restored.desk.secrets)
                assert (judged["findings"], judged["heads"]["number"]) == ([], 2)
                assert [(one["number"], one["until"]) for one in judged["restores"]] == [(1, 2)]
                assert (said.json()["erased"], said.json()["left"]) == (1, ["iom"])
                assert await restored.desk.read(agencies_left) == {"iom"}
                known = await restored.desk.read(lambda session: list(session.scalars(select(Case.case_id))))
                assert known == [A]
                assert await restored.log() == written
                assert await restored.broken() == []
                assert not await is_older(bus, restored.database, SERVICE, consumers, moved=True)
                with pytest.raises(StateBehind):
                    await restored.tell(A, "not yet")
                await restored.desk.write(lambda work: open_again(work, A), OPERATOR)
                await restored.tell(A, "entered again")
                await restored.tell(B, "two")
                await restored.relay(bus)
                assert [one["subject"] for one in await restored.desk.read(behind)] == [C]
                assert await restored.broken() == []
        finally:
            await asyncio.to_thread(second.remove)
        by_place: dict[tuple[str, int], set[str]] = {}
        for event in await _on_kafka(bus):
            if event.subject in (A, B, C):
                by_place.setdefault((event.subject, event.streamversion), set()).add(event.id)
        assert {place: len(ids) for place, ids in by_place.items()} == {
            **{(A, version): 1 for version in range(1, 6)},
            (B, 1): 1,
            (B, 2): 1,
            (C, 1): 1,
        }
    finally:
        await bus.stop()


async def test_one_file_of_a_data_folder_that_is_older_than_the_bus(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = Settings(data)
    data.mkdir(mode=0o700)
    async with running(settings) as before:
        await before.open_post()
        known = await before.register()
        await before.settled()
    shutil.copy(settings.database("intake"), tmp_path / "backup.db")
    async with running(settings) as before:
        lost = await before.register(name="Orang Lain")
        await _screen(before, known)
        await before.settled()
        written = before.rows("intake", _LOG)
    shutil.copy(tmp_path / "backup.db", settings.database("intake"))

    refused = await asyncio.to_thread(pulang, "up", "--data", data, "--port", 0)
    assert refused.status == 1
    assert "run `pulang restore-check intake`" in refused.err
    said = await asyncio.to_thread(pulang, "restore-check", "intake", "--data", data)
    assert said.status == 0, said.err
    assert known in said.out
    assert lost in said.out

    async with running(settings) as after:
        assert after.rows("intake", _LOG) == written
        assert (await _screening(after, known)).status_code == 423
        assert (await after.officer().post(f"/intake/operations/restored/{known}")).status_code == 403
        opened = await after.administrator.post(f"/intake/operations/restored/{known}")
        assert opened.status_code == 200, opened.text
        assert (await after.administrator.post(f"/intake/operations/restored/{known}")).status_code == 404
        await _screen(after, known)
        waiting = (await after.administrator.get("/intake/operations/restored")).json()["items"]
        assert [one["subject"] for one in waiting] == [lost]
        assert after.rows("intake", "SELECT subject FROM audit WHERE action = 'restored.enter'") == [(known,)]
    with up(data):
        whole = await asyncio.to_thread(pulang, "status", "--verify", "--json", "--data", data)
    assert whole.status == 0, whole.err


_LOG = "SELECT subject, streamversion, payload, hash FROM events ORDER BY subject, streamversion"


async def _screen(at: Pulang, case: str) -> None:
    answer = await _screening(at, case)
    assert answer.status_code in (200, 201), answer.text


async def _screening(at: Pulang, case: str) -> Any:
    return await at.officer().post(f"/intake/cases/{case}/screenings", FINDING)


async def _archived(server: PostgresServer) -> None:
    """Until everything that was committed is in the archive."""
    admin = await asyncpg.connect(server.url("postgres"))
    last = await admin.fetchval("SELECT pg_walfile_name(pg_switch_wal())")

    async def there() -> bool:
        return bool(await admin.fetchval("SELECT last_archived_wal >= $1 FROM pg_stat_archiver", last))

    await until(there)
    await admin.close()


async def _promoted(server: PostgresServer) -> None:
    """Until it takes writes."""
    admin = await asyncpg.connect(server.url("postgres"))

    async def done() -> bool:
        return not await admin.fetchval("SELECT pg_is_in_recovery()")

    await until(done)
    await admin.close()


async def _on_kafka(bus: Bus) -> list[Event]:
    """Other tests write to the same broker, also what is no event."""
    events: list[Event | None] = []
    for place, extent in (await bus.extents(LIFECYCLE)).items():
        at = extent.start
        while at < extent.stop:
            records = await bus.read(place, at, 500)
            at = records[-1].offset + 1
            events += [event_of(one.value, one.headers) for one in records]
    return [event for event in events if event is not None]
