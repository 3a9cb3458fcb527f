"""The missing rows of an event log, put back from the bus: the same bytes, in chains that go on."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, Received, TopicPartition
from shared.consuming.inbox import Listener
from shared.database.prepared import Prepared, upserting
from shared.database.protocol import Database
from shared.events.envelope import Event
from shared.outbox.lease import Lease
from shared.outbox.record import CHAIN_START, chain_hash, chain_of
from shared.outbox.table import EVENTS, STREAMS, UNPUBLISHED
from shared.restoring.noticing import AT_ONCE, TOPICS, own_events


class Doubled(Exception):
    """A version was given twice: the log has an event at a place where the bus has another one."""

    def __init__(self, event: Event) -> None:
        super().__init__(f"{event.subject} version {event.streamversion}")


class Lacking(Exception):
    """A version is neither in the log nor in what was read of the bus."""

    def __init__(self, event: Event) -> None:
        super().__init__(f"{event.subject} before version {event.streamversion}")


class RelayAtWork(Exception):
    """Somebody relays: a replica of the service runs."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What is read of the bus."""

    place: TopicPartition
    offsets: range


async def extents_since(bus: Bus, since_ms: int | None) -> list[Extent]:
    """Everything, or from an offset on behind which stands all that was stamped at `since_ms` and later."""
    found = []
    for topic in TOPICS:
        for place, held in (await bus.extents(topic)).items():
            start = held.start if since_ms is None else await _start(bus, place, held, since_ms)
            found.append(Extent(place, range(start, held.stop)))
    return found


async def _start(bus: Bus, place: TopicPartition, held: range, since_ms: int) -> int:
    """Back in growing steps until a record is older; stamps are in order but for seconds."""
    step, at = AT_ONCE, held.stop
    while at > held.start:
        at = max(held.start, held.stop - step)
        if (await bus.read(place, at, 1))[0].timestamp_ms < since_ms:
            return at
        step *= 2
    return held.start


async def put_back(
    bus: Bus,
    database: Database,
    lease: Lease,
    chain_key: bytes,
    source: str,
    extents: Sequence[Extent],
    seen: Callable[[Received], None] = lambda _: None,
) -> int:
    """The rows that the log lacks; how many. What was put back stays when it ends half-way, and it can be run again.

    `lease`: the relay's, which is held meanwhile. `seen` is called with every record there is, whoever told it. Raises
    Doubled, Lacking, RelayAtWork, BusUnavailable, DatabaseUnavailable.
    """
    count = 0
    async for events in _own(bus, source, extents, seen):
        if not await lease.hold():
            raise RelayAtWork
        count += await database.write(lambda session, batch=events: _put(session, chain_key, batch))  # type: ignore[misc]
    return count


async def rewind(bus: Bus, consumers: Sequence[Listener], extents: Sequence[Extent]) -> None:
    """What others said is heard again: what was applied is dropped, the rest takes effect. Raises BusUnavailable."""
    for consumer in consumers:
        positions = {one.place: one.offsets.start for one in extents if one.place.topic in consumer.topics}
        await bus.rewind(consumer.name, positions)


_Read = tuple[Event, Received]


async def _own(
    bus: Bus, source: str, extents: Sequence[Extent], seen: Callable[[Received], None]
) -> AsyncIterator[list[_Read]]:
    """The own records of all partitions, about in the order in which they were recorded; each partition in its own."""
    readers = [_read(bus, source, one, seen) for one in extents]
    heap: list[tuple[int, int, _Read]] = []
    latest = [0] * len(readers)

    async def advance(number: int) -> None:
        one = await anext(readers[number], None)
        if one is not None:
            latest[number] = max(latest[number], one[1].timestamp_ms)
            heappush(heap, (latest[number], number, one))

    for number in range(len(readers)):
        await advance(number)
    batch: list[_Read] = []
    while heap:
        _, number, one = heappop(heap)
        batch.append(one)
        if len(batch) == AT_ONCE:
            yield batch
            batch = []
        await advance(number)
    if batch:
        yield batch


async def _read(bus: Bus, source: str, extent: Extent, seen: Callable[[Received], None]) -> AsyncIterator[_Read]:
    at = extent.offsets.start
    while at < extent.offsets.stop:
        records = await bus.read(extent.place, at, AT_ONCE)
        at = records[-1].offset + 1
        for record in records:
            seen(record)
            for event in own_events([record], source):
                yield event, record


def _put(session: Session, chain_key: bytes, events: Sequence[_Read]) -> int:
    """In the order given."""
    subjects = sorted({event.subject for event, _ in events})
    streams = {row.subject: row for row in _STREAMS.all(session, of_subjects=subjects)}
    last = {subject: row.version for subject, row in streams.items()}
    heads: dict[str, bytes] = {}
    chain = chain_of(chain_key)
    rows: list[dict[str, Any]] = []
    for event, record in events:
        version = last.get(event.subject, 0)
        if event.streamversion <= version:
            _compare(session, event, [row["id"] for row in rows])
            continue
        if event.streamversion > version + 1:
            raise Lacking(event)
        before = heads.get(event.subject) or _head(session, event.subject, version)
        heads[event.subject] = chain_hash(chain, before, record.value)
        last[event.subject] = event.streamversion
        rows.append(_row(event, record, heads[event.subject]))
    if rows:
        _WRITE.write(session, rows)
        _THERE_ALREADY.write(session, [{"of_ids": [row["id"] for row in rows]}])
        _ADVANCE.write(session, [_stream(subject, last[subject], streams.get(subject)) for subject in sorted(heads)])
    return len(rows)


def _compare(session: Session, event: Event, put: Sequence[str]) -> None:
    """Raises Doubled."""
    found = _AT.first(session, of_subject=event.subject, at_version=event.streamversion)
    if event.id not in put and (found is None or found.id != event.id):
        raise Doubled(event)


def _head(session: Session, subject: str, version: int) -> bytes:
    found = _AT.first(session, of_subject=subject, at_version=version)
    return CHAIN_START if found is None else bytes(found.hash)


def _stream(subject: str, version: int, before: Any) -> dict[str, Any]:
    """A stream that was put back twice keeps the version that its state knew at first."""
    if before is None:
        return {"subject": subject, "version": version, "state_version": 0}
    known = before.version if before.state_version is None else before.state_version
    return {"subject": subject, "version": version, "state_version": known}


def _row(event: Event, record: Received, digest: bytes) -> dict[str, Any]:
    return {
        "id": event.id,
        "subject": event.subject,
        "streamversion": event.streamversion,
        "type": event.type,
        "topic": record.topic,
        "recorded_ms": record.timestamp_ms,
        "payload": record.value,
        "hash": digest,
    }


_STREAMS = Prepared(
    select(STREAMS.c.subject, STREAMS.c.version, STREAMS.c.state_version).where(
        STREAMS.c.subject.in_(bindparam("of_subjects", expanding=True))
    )
)
_AT = Prepared(
    select(EVENTS.c.id, EVENTS.c.hash).where(
        EVENTS.c.subject == bindparam("of_subject"), EVENTS.c.streamversion == bindparam("at_version")
    )
)
_WRITE = Prepared(insert(EVENTS))
_PUT = select(EVENTS.c.position).where(EVENTS.c.id.in_(bindparam("of_ids", expanding=True)))
_THERE_ALREADY = Prepared(delete(UNPUBLISHED).where(UNPUBLISHED.c.position.in_(_PUT)))
"""They come from the bus."""
_ADVANCE = upserting(STREAMS, ("subject",), ("version", "state_version"))
