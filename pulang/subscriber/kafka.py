"""The agency's own topic, with the feed behind it.

The topic holds the last thirty days, the feed everything. So a copy begins like this, and whoever has lost their place
begins so again: note where the topic ends, take the feed to its end, then follow the topic from where it ended. What
stood in the topic before came from the log that the feed reads, so the feed tells it, under the consent of now; what
came to the topic meanwhile is told twice, and known by its version. The other order would take the tail of a case
before its beginning.
"""

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

import orjson

from pulang.subscriber.feed import CURSOR, Feed
from pulang.subscriber.problems import Refused, Unreachable
from pulang.subscriber.source import Batch, Positions
from shared.bus.protocol import BusUnavailable, Received, TopicPartition
from shared.events.envelope import Event, NotAnEvent
from shared.settings import KafkaSettings

if TYPE_CHECKING:
    from shared.bus.kafka import Following, KafkaBus

PAGE = 1000
OFFSETS = "kafka"
"""Their name among the positions."""
CHECK_SECONDS = 60.0
"""How often it is seen that the topic is still the one that was read."""
_AGENCY = re.compile(r"[a-z0-9]{1,32}")

_log = logging.getLogger("pulang.subscriber")


def agency_topic(agency: str) -> str:
    """The name of an agency's topic. Raises ValueError for what is no agency."""
    if not _AGENCY.fullmatch(agency):
        raise ValueError(f"{agency!r} is no agency: small letters and digits")
    return f"pulang.agency.{agency}"


@dataclass(frozen=True, slots=True)
class Anchor:
    """By what a partition is known again: a record of it, or that it held none. A topic that was made anew has other
    records in the old places."""

    offset: int
    digest: str
    """Empty: at this offset the partition began, and ended."""


@dataclass(frozen=True, slots=True)
class Offsets:
    """How far the topic is taken, by partition."""

    at: Mapping[int, int]
    anchors: Mapping[int, Anchor]

    @classmethod
    def from_text(cls, text: str) -> "Offsets":
        """As `to_text` wrote it."""
        said = {int(number): place for number, place in orjson.loads(text).items()}
        return cls(
            {number: place[0] for number, place in said.items()},
            {number: Anchor(place[1], place[2]) for number, place in said.items()},
        )

    def to_text(self) -> str:
        """JSON: by partition the next offset, and the anchor."""
        rows = {str(n): [offset, self.anchors[n].offset, self.anchors[n].digest] for n, offset in self.at.items()}
        return orjson.dumps(rows).decode()


class Kafka:
    """The topic for what is new, the feed for what is older and for the acknowledgements.

    It joins no group: its offsets are in your store, with their effect.
    """

    def __init__(self, agency: str, login: KafkaSettings | str, feed: Feed) -> None:
        """`login`: how Kafka is reached (`read_kafka_properties` reads the file that the stock tools use), or only
        host:port. Raises ValueError."""
        if not feed.gapless:
            raise ValueError("the topic holds every type of event: give it a feed without types")
        self._topic = agency_topic(agency)
        self._login = login
        self._feed = feed
        self._bus: KafkaBus | None = None
        self._following: Following | None = None
        self._ends: Offsets | None = None
        self._last: dict[int, Anchor] = {}
        self._checked = 0.0

    @property
    def gapless(self) -> bool:
        return True

    async def next(self, at: Positions, wait_seconds: float) -> Batch:
        """See Source."""
        from shared.bus.kafka import LoginRefused

        try:
            if (text := at.get(OFFSETS)) is None:
                return await self._back_fill(at)
            return await self._follow(Offsets.from_text(text), wait_seconds)
        except LoginRefused as refused:
            await self._leave()
            raise Refused(str(refused)) from None
        except BusUnavailable as away:
            await self._leave()
            raise Unreachable(str(away)) from None

    async def history(self, subject: str) -> list[Event]:
        return await self._feed.history(subject)

    async def acknowledge(self, event_id: str) -> None:
        await self._feed.acknowledge(event_id)

    async def close(self) -> None:
        await self._leave()
        await self._feed.close()

    async def _back_fill(self, at: Positions) -> Batch:
        if self._ends is None:
            self._ends = await self._take_ends()
        batch = await self._feed.next(at, 0.0)
        if batch.events or batch.positions.get(CURSOR) != at.get(CURSOR):
            return batch
        ends, self._ends = self._ends, None
        return Batch([], {OFFSETS: ends.to_text()})

    async def _follow(self, offsets: Offsets, wait_seconds: float) -> Batch:
        from shared.bus.kafka import PositionLost

        due = monotonic() >= self._checked + CHECK_SECONDS
        if (self._following is None or due) and not await self._is_still_there(offsets):
            return await self._lost("the topic does not hold its offsets any more")
        if due:
            self._checked = monotonic()
            moved = Offsets(offsets.at, {**offsets.anchors, **self._last})
            if moved != offsets:
                return Batch([], {OFFSETS: moved.to_text()})
        if self._following is None:
            bus = await self._open()
            self._following = await bus.follow({TopicPartition(self._topic, n): to for n, to in offsets.at.items()})
        try:
            records = await self._following.getmany(PAGE, wait_seconds)
        except PositionLost:
            return await self._lost("the topic does not hold its offsets any more")
        events, unreadable = self._events_of(records)
        if unreadable:
            lost = await self._lost("the topic holds what is no event")
            return Batch(events, lost.positions)
        return Batch(events, {OFFSETS: self._after(offsets, records).to_text()} if records else {})

    async def _lost(self, why: str) -> Batch:
        """Whatever it was, the feed tells it."""
        _log.warning("%s: the feed is taken to its end, then the topic from where it is now", why)
        await self._leave()
        return Batch([], {OFFSETS: None})

    def _events_of(self, records: Iterable[Received]) -> tuple[list[Event], bool]:
        """The events, and whether there was something else."""
        events, unreadable = [], False
        for record in records:
            try:
                events.append(Event.from_bytes(record.value, record.headers))
            except NotAnEvent as broken:
                _log.error("%s, partition %d, offset %d: %s", record.topic, record.partition, record.offset, broken)
                unreadable = True
        return events, unreadable

    def _after(self, offsets: Offsets, records: Iterable[Received]) -> Offsets:
        at, anchors = dict(offsets.at), dict(offsets.anchors)
        for record in records:
            at[record.partition] = record.offset + 1
            self._last[record.partition] = anchor = _anchor_of(record)
            if not anchors[record.partition].digest:
                anchors[record.partition] = anchor
        return Offsets(at, anchors)

    async def _take_ends(self) -> Offsets:
        bus = await self._open()
        at, anchors = {}, {}
        for place, extent in (await bus.extents(self._topic)).items():
            at[place.partition] = extent.stop
            anchors[place.partition] = Anchor(extent.stop, "")
            if extent:
                (last, *_) = await bus.read(place, extent.stop - 1, 1)
                anchors[place.partition] = _anchor_of(last)
        self._last.clear()
        return Offsets(at, anchors)

    async def _is_still_there(self, offsets: Offsets) -> bool:
        """Whether these are offsets of this topic, and nothing behind them is gone."""
        bus = await self._open()
        extents = await bus.extents(self._topic)
        if {place.partition for place in extents} != set(offsets.at):
            return False
        for place, extent in extents.items():
            if not extent.start <= offsets.at[place.partition] <= extent.stop:
                return False
            anchor = offsets.anchors[place.partition]
            if anchor.digest:
                stands = anchor.offset in extent and anchor == _anchor_of((await bus.read(place, anchor.offset, 1))[0])
            else:
                stands = anchor.offset == extent.start
            if not stands:
                return False
        return True

    async def _open(self) -> "KafkaBus":
        from shared.bus.kafka import KafkaBus

        if self._bus is None:
            bus = KafkaBus(self._login, creates=False)
            try:
                await bus.start()
            except BaseException:
                await bus.stop()
                raise
            self._bus = bus
        return self._bus

    async def _leave(self) -> None:
        bus, self._bus, self._following = self._bus, None, None
        self._last.clear()
        self._ends = None
        self._checked = 0.0
        if bus is not None:
            await bus.stop()


def _anchor_of(record: Received) -> Anchor:
    return Anchor(record.offset, hashlib.blake2b(record.value, digest_size=16).hexdigest())
