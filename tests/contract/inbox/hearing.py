"""How the stories of this suite speak, and what they look at."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, Received, Record, Subscription, TopicPartition
from shared.consuming.dead_letters import ask_again
from shared.consuming.inbox import Consumer, Listener
from shared.consuming.loop import ConsumerLoop
from shared.consuming.table import INBOX, PARKED
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE
from shared.work import Desk, Work
from tests.contract.outbox.places import Noted, Place, Wavering, until
from tests.contract.unit_of_work.tables import Effect

INTAKE, AID = "/pulang/intake", "/pulang/aid"
NOW = "2020-01-03T12:00:00.000000Z"
SECRET_TEXT = "nobody should read this"
_IDS = "0192f0c1-5f4e-7c3a-9b1e-{:012x}"


class Broken(Exception):
    """The reaction cannot take this in."""


class Reaction:
    """Notes each event as an effect; may be broken for some, or fail at some calls."""

    def __init__(self, name: str = "notes.reactions") -> None:
        self.name = name
        self.calls = 0
        self.fails_at: set[int] = set()
        self.broken: dict[tuple[str, str, int], Exception] = {}

    @property
    def consumer(self) -> Consumer:
        return Consumer(self.name, (LIFECYCLE,), self.apply)

    def apply(self, work: Work, events: Sequence[Event]) -> None:
        for event in events:
            self.calls += 1
            with work.because_of(event):
                work.record(event.subject, Noted(text=f"{self.name} heard {event.streamversion}"))
            work.session.execute(
                insert(Effect).values(
                    consumer=self.name, source=event.source, subject=event.subject, version=event.streamversion
                )
            )
            if self.calls in self.fails_at:
                raise Broken
            if (error := self.broken.get((event.source, event.subject, event.streamversion))) is not None:
                raise error


def said(subject: str, version: int, source: str = INTAKE, key: str | None = None) -> Record:
    """An event of another service."""
    number = abs(hash((source, subject, version))) % 2**48
    event = Event(
        _IDS.format(number), source, "pulang.case.noted.v1", subject, NOW, NOW, version, {"text": SECRET_TEXT}
    )
    return Record(LIFECYCLE, key or subject, event.to_bytes(), 1_578_052_800_000)


def garbage(key: str) -> Record:
    return Record(LIFECYCLE, key, SECRET_TEXT.encode(), 1_578_052_800_000)


def listening(desk: Desk, bus: Bus, reaction: Reaction) -> AbstractAsyncContextManager[ConsumerLoop]:
    """A consumer at work."""
    return at_work(desk, bus, reaction.consumer)


@asynccontextmanager
async def at_work(desk: Desk, bus: Bus, consumer: Listener) -> AsyncIterator[ConsumerLoop]:
    """Stopped at the end; it has not ended by itself."""
    loop = ConsumerLoop(desk, bus, consumer)
    await loop.start()
    try:
        yield loop
    finally:
        await loop.stop()
    assert loop.failed() is None


async def until_heard(bus: Bus, reaction: Reaction) -> None:
    """Until the group has committed everything."""

    async def no_lag() -> bool:
        return await bus.lag(reaction.name, [LIFECYCLE]) == 0

    await until(no_lag)


async def hear(desk: Desk, place: Place, reaction: Reaction, *records: Record) -> None:
    """Publish, and listen until all was heard."""
    await place.bus.publish(records)
    async with listening(desk, place.bus, reaction):
        await until_heard(place.bus, reaction)


async def effects(desk: Desk, reaction: Reaction) -> list[tuple[str, str, int]]:
    """Source, subject and version of each effect, in the order in which they took place."""
    chosen = select(Effect.source, Effect.subject, Effect.version).where(Effect.consumer == reaction.name)
    rows = await desk.read(lambda session: session.execute(chosen.order_by(Effect.id)).all())
    return [(row.source, row.subject, row.version) for row in rows]


def by_stream(found: Sequence[tuple[str, str, int]]) -> dict[tuple[str, str], list[int]]:
    streams: dict[tuple[str, str], list[int]] = {}
    for source, subject, version in found:
        streams.setdefault((source, subject), []).append(version)
    return streams


async def marks(desk: Desk, reaction: Reaction) -> dict[tuple[str, str], int]:
    chosen = select(INBOX.c.source, INBOX.c.subject, INBOX.c.version).where(INBOX.c.consumer == reaction.name)
    return await desk.read(
        lambda session: {(row.source, row.subject): row.version for row in session.execute(chosen) if row.version}
    )


async def waiting(desk: Desk, reaction: Reaction) -> list[tuple[str, str]]:
    """Key and reason of what is parked, in order."""
    return [(str(row["key"]), str(row["reason"])) for row in await parked_rows(desk, reaction)]


async def parked_rows(desk: Desk, reaction: Reaction) -> list[dict[str, Any]]:
    def rows(session: Session) -> list[dict[str, Any]]:
        chosen = select(PARKED).where(PARKED.c.consumer == reaction.name).order_by(PARKED.c.position)
        return [dict(row._mapping) for row in session.execute(chosen)]

    return await desk.read(rows)


async def retry_now(desk: Desk) -> None:
    """As an operator asks for it."""
    await desk.write(ask_again)


async def time_passes(desk: Desk) -> None:
    """What waits for its time is due; what is dead stays dead."""
    await desk.write(lambda work: work.session.execute(update(PARKED).values(retry_at_ms=0)))


async def until_nothing_is_parked(desk: Desk, reaction: Reaction) -> None:
    async def none() -> bool:
        return not await waiting(desk, reaction)

    await until(none)


Committing = Callable[[Mapping[TopicPartition, int]], Awaitable[None]]


class Watched(Wavering):
    """A bus on which `committing` is called before any position is committed."""

    def __init__(self, bus: Bus, committing: Committing) -> None:
        super().__init__(bus)
        self._committing = committing

    def subscribe(
        self, group: str, topics: Sequence[str], revoking: Callable[[], Awaitable[None]] | None = None
    ) -> Subscription:
        return _WatchedSubscription(super().subscribe(group, topics, revoking), self._committing)


class _WatchedSubscription:
    def __init__(self, inner: Subscription, committing: Committing) -> None:
        self._inner = inner
        self._committing = committing

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()

    async def getmany(self, max_records: int, wait_seconds: float) -> list[Received]:
        return await self._inner.getmany(max_records, wait_seconds)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        await self._committing(positions)
        await self._inner.commit(positions)
