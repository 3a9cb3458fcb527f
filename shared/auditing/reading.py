"""A service's own heads on the bus: read forwards and backwards, a page at a time, and put there again."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial

from shared.auditing.heads import AUDIT_TOPIC, Head, page, read_head, record_of
from shared.bus.protocol import Bus, Received, Record, stretch
from shared.database.protocol import Database

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Stood:
    """A record under the service's name; `head` is None where it was not sealed with the service's key."""

    offset: int
    head: Head | None


async def forwards(bus: Bus, service: str, key: bytes) -> AsyncIterator[list[Stood]]:
    """All that stands under the service's name now. Raises UnknownTopic, BusUnavailable."""
    async for records in _pages(bus):
        yield _own(records, service, key)


async def backwards(bus: Bus, service: str, key: bytes, furthest: int | None = None) -> AsyncIterator[list[Head]]:
    """The service's heads, the newest page first, each in its order; over `furthest` records at most.

    Raises UnknownTopic, BusUnavailable.
    """
    for place, extent in (await bus.extents(AUDIT_TOPIC.name)).items():
        end = extent.stop
        first = extent.start if furthest is None else max(extent.start, extent.stop - furthest)
        while end > first:
            start = max(first, end - PAGE)
            records = await stretch(bus, place, range(start, end))
            end = start
            yield [one.head for one in _own(records, service, key) if one.head is not None]


async def heads_again(bus: Bus, database: Database, service: str) -> int:
    """Publish again all heads that the database knows as published, where the bus lacks some; how many.

    The same bytes: what stands there still stands twice then, as it may. Nobody else publishes meanwhile. Raises
    UnknownTopic, BusUnavailable, DatabaseUnavailable.
    """
    there = set[bytes]()
    async for records in _pages(bus):
        there.update(one.value for one in records if one.key == service)
    heads, after = list[Record](), 0
    while found := await database.read(partial(page, after=after)):
        heads += [record_of(head, service, seal) for head, seal in found]
        after = found[-1][0].sequence
    if all(one.value in there for one in heads):
        return 0
    for at in range(0, len(heads), PAGE):
        await bus.publish(heads[at : at + PAGE])
    return len(heads)


async def _pages(bus: Bus) -> AsyncIterator[list[Received]]:
    for place, extent in (await bus.extents(AUDIT_TOPIC.name)).items():
        at = extent.start
        while at < extent.stop:
            records = await bus.read(place, at, min(PAGE, extent.stop - at))
            at = records[-1].offset + 1
            yield records


def _own(records: Sequence[Received], service: str, key: bytes) -> list[Stood]:
    # The key says whose it is, unless somebody else wrote it: then its bytes tell, or it is nobody's.
    return [Stood(one.offset, read_head(one.value, key, service)) for one in records if one.key == service]
