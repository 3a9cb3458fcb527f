"""A service's place: its database and a bus, in every pair that has to pass the outbox's and the inbox's suites.

To add one: write its backends in `tests/contract/unit_of_work` and `tests/contract/bus`, and enter the pair here.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from sqlalchemy import select

from shared.bus.protocol import Bus, BusUnavailable, Received, Record, Subscription, Topic, TopicPartition
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS, Fact
from shared.outbox.table import EVENTS
from shared.security.keys import SqliteKeyStore
from shared.security.sealing import Kek
from shared.security.secrets import Secrets
from shared.work import Desk, Work
from tests.contract.bus.backends import Backend as BusBackend
from tests.contract.bus.backends import Embedded
from tests.contract.unit_of_work.backends import Backend, Postgres, Sqlite

PAIRS: tuple[tuple[type[Backend], type[BusBackend]], ...] = ((Sqlite, Embedded), (Postgres, Embedded))
PATIENCE_SECONDS = 30


class Noted(Fact):
    """A fact of this suite."""

    TYPE: ClassVar[str] = "pulang.case.noted.v1"

    text: str


class Place:
    """What a service stands on, without the service."""

    def __init__(self, folder: Path, database: type[Backend], bus: type[BusBackend]) -> None:
        self.folder = folder
        self.databases = database(folder)
        self.buses = bus(folder)
        self.bus: Bus
        self._desks: list[Desk] = []

    async def open(self) -> None:
        self.bus = await self.buses.open()
        await self.bus.declare([Topic(LIFECYCLE), Topic(OPERATIONS), Topic("pulang.dead-letters.notes", 1)])

    async def desk(self) -> Desk:
        """A desk of its own at the same service: another replica's, where the database is opened twice."""
        keys = SqliteKeyStore(self.folder / "keys.db", Kek.load_or_create(self.folder / "kek"), owner="notes")
        desk = Desk("notes", await self.databases.open(), Secrets.load(self.folder), keys)
        self._desks.append(desk)
        return desk

    async def close(self) -> None:
        for desk in self._desks:
            desk.keys.close()
        await self.databases.close()
        await self.buses.close()

    async def on_the_bus(self, count: int | None = None, topic: str = LIFECYCLE) -> list[Received]:
        """The first `count` records of a topic, or all that are there now, read from its beginning."""
        group = uuid4().hex
        wanted = await self.bus.lag(group, [topic]) if count is None else count
        member = self.bus.subscribe(group, [topic])
        await member.start()
        received: list[Received] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(received) < wanted:
                received += await member.getmany(500, 1.0)
        await member.stop()
        return received


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Waits for what another task brings about; fails when it doesn't."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


class Wavering:
    """A bus whose publishing goes wrong, as a network does it; everything else goes through."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.refusals = 0
        """Publishes to come that fail at once."""
        self.torn = 0
        """Publishes to come of which only the first half arrives."""
        self.unheard = 0
        """Publishes to come that arrive, and whose acknowledgement is lost."""
        self.broken: Exception | None = None
        """What publishing raises, where it is no outage."""
        self.attempts = 0
        self.held: asyncio.Event | None = None
        """Where it is set: publishing waits for it."""
        self.entered = asyncio.Event()

    async def publish(self, records: Sequence[Record]) -> None:
        self.attempts += 1
        self.entered.set()
        if self.held is not None:
            await self.held.wait()
        if self.broken is not None:
            raise self.broken
        if self.refusals:
            self.refusals -= 1
            raise BusUnavailable("refused")
        if self.torn:
            self.torn -= 1
            await self._bus.publish(records[: len(records) // 2])
            raise BusUnavailable("torn")
        await self._bus.publish(records)
        if self.unheard:
            self.unheard -= 1
            raise BusUnavailable("unheard")

    async def start(self) -> None:
        await self._bus.start()

    async def stop(self) -> None:
        await self._bus.stop()

    async def declare(self, topics: Sequence[Topic]) -> None:
        await self._bus.declare(topics)

    def subscribe(
        self, group: str, topics: Sequence[str], revoking: Callable[[], Awaitable[None]] | None = None
    ) -> Subscription:
        return self._bus.subscribe(group, topics, revoking)

    async def lag(self, group: str, topics: Sequence[str]) -> int:
        return await self._bus.lag(group, topics)

    async def extents(self, topic: str) -> dict[TopicPartition, range]:
        return await self._bus.extents(topic)

    async def healthy(self) -> str | None:
        return await self._bus.healthy()


async def tell(desk: Desk, subject: str, *texts: str) -> None:
    """One command that tells these facts."""

    def command(work: Work) -> None:
        for text in texts:
            work.record(subject, Noted(text=text))

    await desk.write(command)


async def log_of(desk: Desk) -> list[Event]:
    """The event log, in its order."""
    payloads = await desk.read(
        lambda session: list(session.execute(select(EVENTS.c.payload).order_by(EVENTS.c.position)).scalars())
    )
    return [Event.from_bytes(payload) for payload in payloads]


def texts(events: Sequence[Event], subject: str | None = None) -> list[str]:
    return [str((event.data or {})["text"]) for event in events if subject in (None, event.subject)]


def first_appearances(received: Sequence[Received]) -> dict[str, list[Event]]:
    """Events by subject, each where it came first."""
    streams: dict[str, dict[str, Event]] = {}
    for one in received:
        event = Event.from_bytes(one.value, one.headers)
        streams.setdefault(event.subject, {}).setdefault(event.id, event)
    return {subject: list(events.values()) for subject, events in streams.items()}


def versions(events: Mapping[str, Sequence[Event]]) -> dict[str, list[int]]:
    return {subject: [event.streamversion for event in stream] for subject, stream in events.items()}
