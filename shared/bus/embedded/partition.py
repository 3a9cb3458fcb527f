"""What is known of the log in memory: where each partition begins and ends, and its latest records.

Live readers are served from the latest records, without a thread and without SQLite; who is further behind reads the
file.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.bus.embedded.log_file import Extent
from shared.bus.protocol import Received, Topic, TopicPartition

_OBJECT_BYTES = 300
"""What a Received weighs beside its value, about."""


@dataclass(slots=True, eq=False)
class Partition:
    """One log: it holds the offsets from `first` up to but without `end`; `latest` are the last of them."""

    place: TopicPartition
    id: int
    first: int
    end: int
    latest: list[Received] = field(default_factory=list)
    latest_bytes: int = 0

    def starting_at(self, committed: int | None) -> int:
        """Where a reader starts: at the committed position, or at the first record where that is out of range."""
        if committed is None or not self.first <= committed <= self.end:
            return self.first
        return committed

    def behind(self, committed: int | None) -> int:
        """Records after the committed position."""
        return max(0, self.end - max(committed or 0, self.first))

    def in_memory(self, position: int) -> bool:
        return position >= self.end - len(self.latest)

    def slice(self, position: int, records: int) -> list[Received]:
        """Records from `position` on, which must be in memory."""
        start = position - (self.end - len(self.latest))
        return self.latest[start : start + records]


@dataclass(frozen=True, slots=True)
class DeclaredTopic:
    """A topic and its partitions, by number."""

    topic: Topic
    partitions: tuple[Partition, ...]

    @classmethod
    def stored(cls, topic: Topic, first_partition: int, extents: Sequence[Extent]) -> "DeclaredTopic":
        return cls(
            topic,
            tuple(
                Partition(TopicPartition(topic.name, number), first_partition + number, extent.first, extent.end)
                for number, extent in enumerate(extents)
            ),
        )


class LatestRecords:
    """Keeps the latest records of all partitions within one bound of memory, in bytes."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._partitions: set[Partition] = set()

    def append(self, partition: Partition, records: list[Received]) -> None:
        """Moves the end of the partition past `records`, which follow on what it holds."""
        added = sum(len(record.value) + _OBJECT_BYTES for record in records)
        partition.end += len(records)
        partition.latest += records
        partition.latest_bytes += added
        self._partitions.add(partition)
        self._bytes += added
        while self._bytes > self._most_bytes:
            self._halve(max(self._partitions, key=lambda candidate: candidate.latest_bytes))

    def _halve(self, partition: Partition) -> None:
        dropped = partition.latest[: (len(partition.latest) + 1) // 2]
        del partition.latest[: len(dropped)]
        freed = sum(len(record.value) + _OBJECT_BYTES for record in dropped)
        partition.latest_bytes -= freed
        self._bytes -= freed
