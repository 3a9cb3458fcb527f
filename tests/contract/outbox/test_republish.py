"""The bus from nothing: what the relays had sent, again, into topics made anew, while services go on writing."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
from aiokafka.admin import AIOKafkaAdminClient  # type: ignore[import-untyped]
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, BusUnavailable, Received, Record, Topic, appended
from shared.database.protocol import Database
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.outbox import lease as lease_module
from shared.outbox import republish as republish_module
from shared.outbox.lease import Lease
from shared.outbox.relay import Relay, backlog
from shared.outbox.republish import NotEmpty, RelaysReturned, Standstill, republish, standstill
from shared.outbox.table import EVENTS
from shared.security.keys import SqliteKeyStore
from shared.security.sealing import Kek
from shared.security.secrets import Secrets
from shared.work import Cause, Desk, Work
from tests.contract.bus.backends import Backend as BusBackend
from tests.contract.bus.backends import Embedded, Kafka
from tests.contract.outbox.places import PATIENCE_SECONDS, Noted, Wavering, log_of, until
from tests.contract.unit_of_work.backends import Backend, Postgres, Sqlite

SERVICES = ("aid", "intake", "shelter")
TOPICS = (LIFECYCLE, OPERATIONS)
PAIRS: tuple[tuple[type[Backend], type[BusBackend]], ...] = (
    (Sqlite, Embedded),
    (Postgres, Embedded),
    (Sqlite, Kafka),
)
HOUR_MS = 3_600_000


class Counted(Fact):
    """A fact of this suite, about a place."""

    TYPE: ClassVar[str] = "pulang.stock.noted.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    text: str


class World:
    """Three services, each with a database of its own, and the bus between them."""

    def __init__(self, folder: Path, database: type[Backend], bus: type[BusBackend]) -> None:
        self.folder = folder
        self._kind = database
        self._bus_kind = bus
        self._opened = AsyncExitStack()
        self._buses = 0
        self.desks: dict[str, Desk] = {}
        self.bus: Bus
        self.wire: _Wire | None = None

    @property
    def databases(self) -> dict[str, Database]:
        return {service: desk.database for service, desk in self.desks.items()}

    async def open(self) -> None:
        for service in SERVICES:
            place = self.folder / service
            place.mkdir()
            backend = self._kind(place)
            self._opened.push_async_callback(backend.close)
            keys = SqliteKeyStore(place / "keys.db", Kek.load_or_create(place / "kek"), owner=service)
            self._opened.callback(keys.close)
            self.desks[service] = Desk(service, await backend.open(), Secrets.load(place), keys)
        await self.make_topics_anew()

    async def make_topics_anew(self) -> None:
        """What an operator does before: a new file, or the topics of the cluster deleted and created."""
        self._buses += 1
        place = self.folder / f"bus-{self._buses}"
        place.mkdir()
        backend = self._bus_kind(place)
        if self._bus_kind is Kafka:
            await _delete_topics(backend)
        self._opened.push_async_callback(backend.close)
        self.bus = await backend.open()
        # One partition each: that is a topic with one order.
        await self.bus.declare([Topic(topic, partitions=1) for topic in TOPICS])
        self.wire = self.wire or _Wire(self.bus)
        self.wire.lead_to(self.bus)

    async def close(self) -> None:
        await self._opened.aclose()

    async def tell(self, service: str, subject: str, text: str, cause: str | None = None, place: bool = False) -> str:
        """One fact; the id of its event."""

        def command(work: Work) -> None:
            work.record(subject, Counted(text=text) if place else Noted(text=text))

        await self.desks[service].write(command, Cause(causationid=cause, correlationid=cause))
        return (await log_of(self.desks[service]))[-1].id

    async def tell_a_story(self, length: int = 60, seed: int = 4) -> None:
        """Each service because of the others, on both topics; the clock of intake is an hour ahead, aid's behind."""
        chance = random.Random(seed)  # noqa: S311
        ids: list[str] = []
        for n in range(length):
            cause = chance.choice(ids[-12:]) if ids and chance.random() < 0.8 else None
            place = chance.random() < 0.3
            subject = f"{'store' if place else 'case'}-{chance.randrange(4)}"
            ids.append(await self.tell(chance.choice(SERVICES), subject, f"{n} ‘✓’", cause, place))
        for service, skew in (("intake", HOUR_MS), ("aid", -HOUR_MS)):
            await self.desks[service].write(
                lambda work, skew=skew: work.session.execute(  # type: ignore[misc]
                    update(EVENTS).values(recorded_ms=EVENTS.c.recorded_ms + skew)
                )
            )

    @asynccontextmanager
    async def relays(self) -> AsyncIterator[None]:
        assert self.wire is not None
        relays = [Relay(desk, self.wire, Lease(desk.database, "relay")) for desk in self.desks.values()]
        for relay in relays:
            await relay.start()
        try:
            yield
        finally:
            for relay in relays:
                await relay.stop()
        assert [relay.failed() for relay in relays] == [None] * len(relays)

    async def until_published(self) -> None:
        async def nothing_waits() -> bool:
            return not any([await desk.read(backlog) for desk in self.desks.values()])

        await until(nothing_waits)

    async def on_the_bus(self) -> dict[str, list[Received]]:
        found: dict[str, list[Received]] = {}
        for topic in TOPICS:
            wanted = await appended(self.bus, topic)
            member = self.bus.subscribe(f"reader.{random.random()}", [topic])  # noqa: S311
            await member.start()
            found[topic] = []
            async with asyncio.timeout(PATIENCE_SECONDS):
                while len(found[topic]) < wanted:
                    found[topic] += await member.getmany(500, 1.0)
            await member.stop()
        return found

    def standstill(self, settle_seconds: float = 0.2) -> AbstractAsyncContextManager[Standstill]:
        names = [(service, "relay") for service in SERVICES]
        return standstill(self.databases, names, alone=False, settle_seconds=settle_seconds)

    async def republish(self, bus: Bus | None = None) -> int:
        async with self.standstill() as held:
            return await republish(self.databases, bus or self.bus, held)


async def _delete_topics(backend: BusBackend) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=json.loads(backend.address)["bootstrap"])
    await admin.start()
    try:
        if there := sorted(set(TOPICS) & set(await admin.list_topics())):
            await admin.delete_topics(there)

        async def gone() -> bool:
            return not set(TOPICS) & set(await admin.list_topics())

        await until(gone)
    finally:
        await admin.close()


@pytest.fixture(params=PAIRS, ids=lambda pair: "-".join(one.__name__ for one in pair))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    one = World(tmp_path, *request.param)
    await one.open()
    yield one
    await one.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "RENEW_SECONDS", 0.02)
    monkeypatch.setattr(republish_module, "BATCH", 7)


def told(received: Sequence[Received]) -> list[tuple[object, ...]]:
    """A record without its place."""
    return sorted((one.key, one.value, one.timestamp_ms, one.headers) for one in received)


def events_of(received: Sequence[Received]) -> list[Event]:
    return [Event.from_bytes(one.value, one.headers) for one in received]


def check_order(received: Sequence[Received]) -> None:
    """Each stream gapless from 1, each cause of the same topic before its effect."""
    seen: dict[tuple[str, str], int] = {}
    ids: set[str] = set()
    events = events_of(received)
    here = {event.id for event in events}
    for event in events:
        stream = (event.source, event.subject)
        assert event.streamversion == seen.get(stream, 0) + 1
        seen[stream] = event.streamversion
        assert event.causationid in ids or event.causationid not in here
        ids.add(event.id)


async def test_the_topics_hold_again_what_the_relays_had_sent(world: World) -> None:
    await world.tell_a_story()
    async with world.relays():
        await world.until_published()
    before = await world.on_the_bus()
    await world.make_topics_anew()

    sent = await world.republish()

    after = await world.on_the_bus()
    assert sent == 60
    for topic in TOPICS:
        assert len(after[topic]) > 10
        assert told(after[topic]) == told(before[topic])
        check_order(after[topic])


async def test_with_clocks_that_agree_it_goes_by_time(world: World) -> None:
    for n in range(20):
        await world.tell(SERVICES[n % 3], "case", f"{n}")

    await world.republish()

    received = (await world.on_the_bus())[LIFECYCLE]
    assert [one.timestamp_ms for one in received] == sorted(one.timestamp_ms for one in received)


async def test_what_no_relay_had_sent_is_sent_and_marked(world: World) -> None:
    await world.tell_a_story(20)
    async with world.relays():
        await world.until_published()
    await world.make_topics_anew()
    await world.tell_a_story(20, seed=5)

    await world.republish()

    assert [await desk.read(backlog) for desk in world.desks.values()] == [0, 0, 0]
    assert sum(len(received) for received in (await world.on_the_bus()).values()) == 40


@pytest.mark.parametrize("topic", TOPICS)
async def test_a_topic_that_is_not_empty_is_refused_and_relays_go_on(world: World, topic: str) -> None:
    await world.tell("intake", "place", "only one", place=topic == OPERATIONS)
    async with world.relays():
        await world.until_published()
        with pytest.raises(NotEmpty, match=f"{topic} holds 1 records"):
            await world.republish()
        assert sum(len(received) for received in (await world.on_the_bus()).values()) == 1
        await world.tell("intake", "place", "another")
        await world.until_published()


async def test_services_write_meanwhile_and_no_relay_sends_in_between(world: World) -> None:
    await world.tell_a_story(30)
    async with world.relays():
        await world.until_published()
        async with world.standstill() as held:
            await world.make_topics_anew()
            # Heard by the relays as any commit is; what they would send now would stand before the history.
            for service in SERVICES:
                await world.tell(service, "case-1", "before")
            slow = Wavering(world.bus)
            slow.held = asyncio.Event()
            again = asyncio.create_task(republish(world.databases, slow, held))
            await asyncio.wait_for(slow.entered.wait(), PATIENCE_SECONDS)
            await asyncio.gather(*(world.tell(service, f"case-{n}", "while") for n in range(4) for service in SERVICES))
            slow.held.set()
            await again
            assert sum([await desk.read(backlog) for desk in world.desks.values()]) == 12
    async with world.relays():
        await world.until_published()

    received = await world.on_the_bus()
    assert sum(len(one) for one in received.values()) == 30 + 3 + 12
    for topic in TOPICS:
        check_order(received[topic])


async def test_relays_that_were_at_work_are_given_time_to_notice(world: World) -> None:
    relay = Lease(world.databases["aid"], "relay")
    assert await relay.hold()
    began = time.monotonic()
    async with world.standstill(settle_seconds=0.3):
        assert time.monotonic() - began >= 0.3
    async with asyncio.timeout(PATIENCE_SECONDS), world.standstill(settle_seconds=3600.0):
        pass  # nobody was at work


async def test_who_loses_the_lease_marks_nothing_and_stops(world: World) -> None:
    await world.tell_a_story(30)
    bus = Wavering(world.bus)
    bus.held = asyncio.Event()

    async def first() -> int:
        async with world.standstill() as held:
            return await republish(world.databases, bus, held)

    running = asyncio.create_task(first())
    await asyncio.wait_for(bus.entered.wait(), PATIENCE_SECONDS)
    async with world.standstill(settle_seconds=0.0):
        bus.held.set()
        with pytest.raises(RelaysReturned):
            await running
        assert sum([await desk.read(backlog) for desk in world.desks.values()]) == 30


async def test_one_that_broke_off_is_started_again_on_new_topics(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.tell_a_story(40)
    monkeypatch.setattr(republish_module, "PATIENCE_SECONDS", 0.0)
    bus = _Ending(world.bus, after=3)
    with pytest.raises(BusUnavailable):
        await world.republish(bus)
    with pytest.raises(NotEmpty):
        await world.republish()
    await world.make_topics_anew()

    assert await world.republish() == 40

    received = await world.on_the_bus()
    assert sum(len(one) for one in received.values()) == 40
    for topic in TOPICS:
        check_order(received[topic])


@pytest.mark.parametrize("how", ["refusals", "torn", "unheard"])
async def test_a_batch_that_was_not_acknowledged_is_sent_again(world: World, how: str) -> None:
    await world.tell_a_story(30)
    bus = Wavering(world.bus)
    setattr(bus, how, 2)

    await world.republish(bus)

    for topic, received in (await world.on_the_bus()).items():
        first = list({one.value: one for one in received}.values())
        assert len(first) == sum([await desk.read(partial(_rows_on, topic=topic)) for desk in world.desks.values()])
        check_order(first)


def _rows_on(session: Session, topic: str) -> int:
    return session.execute(select(func.count()).select_from(EVENTS).where(EVENTS.c.topic == topic)).scalar_one()


class _Wire(Wavering):
    """Leads relays to whatever bus there is now, as the address of a cluster does."""

    def lead_to(self, bus: Bus) -> None:
        self._bus = bus


class _Ending(Wavering):
    """A bus that goes away for good."""

    def __init__(self, bus: Bus, after: int) -> None:
        super().__init__(bus)
        self._after = after

    async def publish(self, records: Sequence[Record]) -> None:
        if self.attempts == self._after:
            raise BusUnavailable("gone")
        await super().publish(records)
