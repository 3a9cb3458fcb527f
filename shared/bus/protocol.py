"""What Pulang asks of a bus, in the words of Kafka: topics, partitions, keys, offsets, consumer groups.

The promises, checked by `tests/contract/bus` on every backend:

* Records of one key go to one partition, and are read in the order in which `publish` was told them.
* `publish` returns when every record is durable. When it raises `BusUnavailable`, some of the records may stand in
  the log nevertheless: a caller publishes again, and readers drop repeats by (source, id).
* Within a group each partition has one reader at a time. Before a partition goes to another member, the member that
  loses it has been awaited (`revoking`), so that no batch runs through a rebalance.
* A member starts at the group's committed offset, and where there is none at the first record still kept.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class BusUnavailable(Exception):
    """The bus cannot be reached, or did not acknowledge in time."""


class UnknownTopic(BusUnavailable):
    """A topic that was never declared; where somebody else declares them (`pulang provision`), not yet."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is declared; `partitions` is fixed once a topic exists (keys would move otherwise)."""

    name: str
    partitions: int = 4
    retention_days: int | None = None
    """Days after which records may go; None keeps them for ever."""
    log_append_time: bool = False
    """The bus stamps records itself; otherwise `Record.timestamp_ms` is kept."""


class TopicPartition(NamedTuple):
    """One ordered log."""

    topic: str
    partition: int


class Record(NamedTuple):
    """What is published. `timestamp_ms`: milliseconds since 1970 UTC (the event's `recordedtime`)."""

    topic: str
    key: str
    value: bytes
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...] = ()


class Received(NamedTuple):
    """What is read: a record and its place. `key` is None where a foreign producer gave none or no UTF-8."""

    topic: str
    partition: int
    offset: int
    key: str | None
    value: bytes
    timestamp_ms: int
    headers: tuple[tuple[str, bytes], ...] = ()

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(self.topic, self.partition)


class Subscription(Protocol):
    """One member of a consumer group. Not thread safe: one task reads it."""

    async def start(self) -> None:
        """Join the group."""

    async def stop(self) -> None:
        """Leave the group. Commits nothing. May be called twice."""

    async def getmany(self, max_records: int, wait_seconds: float) -> list[Received]:
        """The next records of the assigned partitions, in order within each; empty after `wait_seconds` of nothing.

        Raises BusUnavailable.
        """

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Make durable that the group goes on at these offsets (the one after the last that was dealt with).

        A position of a partition that this member no longer holds is not written (Kafka refuses it): the new holder
        reads those records again, and its inbox drops them.
        """


class Bus(Protocol):
    """A backend. `start` before anything else; `stop` closes every subscription too."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def declare(self, topics: Sequence[Topic]) -> None:
        """Create what is missing; a topic that exists is left as it is."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Append in order; returns once all are durable. Raises BusUnavailable, UnknownTopic."""

    def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        revoking: Callable[[], Awaitable[None]] | None = None,
    ) -> Subscription:
        """A new member of `group`. `revoking` is awaited before partitions are taken from it."""

    async def lag(self, group: str, topics: Sequence[str]) -> int:
        """Records that the group has not committed yet, over all partitions of the topics."""

    async def extents(self, topic: str) -> dict[TopicPartition, range]:
        """The offsets that each partition holds now. Raises UnknownTopic, BusUnavailable."""

    async def read(self, place: TopicPartition, offset: int, most_records: int) -> list[Received]:
        """Records from an offset on, which the partition holds; at least one. For no group: nothing is committed.

        Raises UnknownTopic, BusUnavailable.
        """

    async def committed(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Where the group goes on, for partitions where it has committed. Raises UnknownTopic, BusUnavailable."""

    async def rewind(self, group: str, positions: Mapping[TopicPartition, int]) -> None:
        """The group goes on at these offsets. It must have no member. Raises BusUnavailable."""

    async def healthy(self) -> str | None:
        """None while the bus answers; else one line that says what is missing."""


async def appended(bus: Bus, topic: str) -> int:
    """Records that were ever written to the topic, those that retention has dropped too; 0 for one made anew.

    Raises UnknownTopic, BusUnavailable.
    """
    return sum(extent.stop for extent in (await bus.extents(topic)).values())


async def stretch(bus: Bus, place: TopicPartition, offsets: range) -> list[Received]:
    """All records at these offsets, of which there is at least one. Raises UnknownTopic, BusUnavailable."""
    records: list[Received] = []
    at = offsets.start
    while at < offsets.stop:
        records += await bus.read(place, at, offsets.stop - at)
        at = records[-1].offset + 1
    return records
