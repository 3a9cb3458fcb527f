"""The door of the embedded bus."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import structlog

from shared.bus.embedded.group import Group
from shared.bus.embedded.log_file import LogFile, StoredTopic, open_reader, read_batches
from shared.bus.embedded.packing import pack, unpack
from shared.bus.embedded.partition import DeclaredTopic, LatestRecords, Partition
from shared.bus.embedded.partitioner import partition_of
from shared.bus.embedded.subscription import EmbeddedSubscription, Wanted
from shared.bus.embedded.writer import Append, Commit, Piece, Writer
from shared.bus.protocol import BusUnavailable, Received, Record, Topic, TopicPartition, UnknownTopic

_READERS = 2
_READ_BYTES = 4 * 1024 * 1024
_EXPIRED_PER_COMMIT = 200
_DAY_MS = 24 * 60 * 60 * 1000
_ANSWER_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class EmbeddedBus:
    """A durable log in one SQLite file, for one process and one event loop. Not thread safe; once stopped, it stays so.

    Someone else sees to it that no second process opens the file.
    """

    def __init__(self, path: Path, *, latest_bytes: int = 16 * 1024 * 1024, retention_seconds: float = 600.0) -> None:
        """`latest_bytes`: memory for the latest records, from which live readers are served. `retention_seconds`:
        how often what is older than its topic's retention is dropped."""
        self._path = path
        self._retention_seconds = retention_seconds
        self._latest = LatestRecords(latest_bytes)
        self._topics: dict[str, DeclaredTopic] = {}
        self._groups: dict[str, Group] = {}
        self._subscriptions: list[EmbeddedSubscription] = []
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._threads: ThreadPoolExecutor | None = None
        self._writer: Writer | None = None
        self._retention: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the file. Raises BusUnavailable."""
        writer = Writer(self._path, self._landed)
        opened = await writer.start()
        self._know(opened.topics)
        places = {
            partition.id: partition.place for declared in self._topics.values() for partition in declared.partitions
        }
        for name, committed in opened.committed.items():
            self._group(name).committed.update({places[id_]: position for id_, position in committed.items()})
        try:
            for _ in range(_READERS):
                self._readers.put(open_reader(self._path))
        except sqlite3.Error as reason:
            await writer.stop()
            raise BusUnavailable(f"the bus file cannot be read: {reason}") from reason
        self._threads = ThreadPoolExecutor(_READERS, thread_name_prefix="bus-reader")
        self._writer = writer
        self._retention = asyncio.create_task(self._keep_retention(), name="bus-retention")

    async def stop(self) -> None:
        if self._writer is None:
            return
        await asyncio.gather(*(subscription.stop() for subscription in self._subscriptions))
        if self._retention is not None:
            self._retention.cancel()
            await asyncio.wait([self._retention])
        if self._threads is not None:
            self._threads.shutdown(wait=True)
        while not self._readers.empty():
            self._readers.get_nowait().close()
        await self._writer.stop()
        self._writer = None

    async def declare(self, topics: Sequence[Topic]) -> None:
        for topic in topics:
            if topic.partitions < 1:
                raise ValueError(f"topic {topic.name} is declared with {topic.partitions} partitions")
        stored: list[StoredTopic] = []
        await self._open_writer().alone(lambda file: stored.extend(file.declare(topics)))
        self._know(stored)
        for group in self._groups.values():
            group.rebalance()

    async def publish(self, records: Sequence[Record]) -> None:
        writer = self._open_writer()
        now_ms = time.time_ns() // 1_000_000
        pieces: dict[Partition, Piece] = {}
        for record in records:
            declared = self._topics.get(record.topic)
            if declared is None:
                raise UnknownTopic(record.topic)
            partitions = declared.partitions
            partition = partitions[partition_of(record.key, len(partitions))]
            timestamp_ms = now_ms if declared.topic.log_append_time else record.timestamp_ms
            piece = pieces.get(partition)
            if piece is None:
                piece = pieces[partition] = Piece(partition)
            piece.packed.append(pack(record, timestamp_ms))
            piece.records.append(record)
            piece.timestamps_ms.append(timestamp_ms)
        if pieces:
            await writer.append(list(pieces.values()))

    def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        revoking: Callable[[], Awaitable[None]] | None = None,
    ) -> EmbeddedSubscription:
        subscription = EmbeddedSubscription(self._group(group), topics, revoking, self._read, self._commit)
        self._subscriptions = [one for one in self._subscriptions if not one.stopped] + [subscription]
        return subscription

    async def lag(self, group: str, topics: Sequence[str]) -> int:
        """Raises UnknownTopic."""
        committed = self._groups[group].committed if group in self._groups else {}
        behind = 0
        for name in topics:
            if name not in self._topics:
                raise UnknownTopic(name)
            for partition in self._topics[name].partitions:
                behind += partition.behind(committed.get(partition.place))
        return behind

    async def extents(self, topic: str) -> dict[TopicPartition, range]:
        """Raises UnknownTopic."""
        return {one.place: range(one.first, one.end) for one in self._partitions(topic)}

    async def read(self, place: TopicPartition, offset: int, most_records: int) -> list[Received]:
        """Raises UnknownTopic."""
        partition = self._partitions(place.topic)[place.partition]
        offsets = range(offset, min(offset + most_records, partition.end))
        (found,) = await self._read([Wanted(partition, offsets)])
        return found

    async def committed(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Raises UnknownTopic."""
        positions = self._groups[group].committed if group in self._groups else {}
        places = [one.place for topic in topics for one in self._partitions(topic)]
        return {place: positions[place] for place in places if place in positions}

    async def rewind(self, group: str, positions: Mapping[TopicPartition, int]) -> None:
        self._open_writer()
        if self._group(group).members:
            raise BusUnavailable(f"somebody reads as {group}")
        at = {self._partitions(topic)[number]: offset for (topic, number), offset in positions.items()}
        await self._commit(group, at)

    async def healthy(self) -> str | None:
        """After a failed write it tries another one, so that it answers for now and not for then."""
        if self._writer is None:
            return "the embedded bus is not started"
        if self._writer.failure is None and self._writer.alive:
            return None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._writer.alone(LogFile.probe)
        except BusUnavailable as reason:
            return f"the embedded bus cannot write: {reason}"
        except TimeoutError:
            return f"the embedded bus did not answer within {_ANSWER_SECONDS:g} s"
        return None

    async def drop_expired(self) -> None:
        """Drops what is older than its topic's retention, a little per commit. Raises BusUnavailable."""
        now_ms = time.time_ns() // 1_000_000
        for declared in list(self._topics.values()):
            days = declared.topic.retention_days
            if days is not None:
                for partition in declared.partitions:
                    while await self._drop_some(partition, now_ms - days * _DAY_MS):
                        pass

    async def _drop_some(self, partition: Partition, before_ms: int) -> bool:
        firsts: list[int] = []

        def drop(file: LogFile) -> None:
            firsts.append(file.drop_expired(partition.id, before_ms, _EXPIRED_PER_COMMIT).first)

        await self._open_writer().alone(drop)
        dropped = firsts[-1] > partition.first
        partition.first = firsts[-1]
        return dropped

    async def _keep_retention(self) -> None:
        while True:
            try:
                await self.drop_expired()
            except BusUnavailable as reason:
                _log.warning("bus.retention_failed", error=str(reason))
            await asyncio.sleep(self._retention_seconds)

    def _partitions(self, topic: str) -> Sequence[Partition]:
        if topic not in self._topics:
            raise UnknownTopic(topic)
        return self._topics[topic].partitions

    def _open_writer(self) -> Writer:
        if self._writer is None:
            raise BusUnavailable("the embedded bus is not started")
        return self._writer

    def _know(self, stored: Sequence[StoredTopic]) -> None:
        for topic, first_partition, extents in ((one.topic, one.first_partition, one.extents) for one in stored):
            if topic.name not in self._topics:
                self._topics[topic.name] = DeclaredTopic.stored(topic, first_partition, extents)

    def _group(self, name: str) -> Group:
        if name not in self._groups:
            self._groups[name] = Group(name, self._topics, {})
        return self._groups[name]

    def _landed(self, job: Append | Commit) -> None:
        """What is durable now: readers may have it."""
        if isinstance(job, Commit):
            committed = self._group(job.group).committed
            committed.update({partition.place: position for partition, position in job.positions.items()})
            return
        for piece in job.pieces:
            topic, number = piece.partition.place
            self._latest.append(
                piece.partition,
                [
                    Received(topic, number, offset, record.key, record.value, timestamp_ms, record.headers)
                    for offset, (record, timestamp_ms) in enumerate(
                        zip(piece.records, piece.timestamps_ms, strict=True), piece.first
                    )
                ],
            )
        places = [piece.partition.place for piece in job.pieces]
        for group in self._groups.values():
            group.wake(places)

    def _commit(self, group: str, positions: dict[Partition, int]) -> asyncio.Future[None]:
        return self._open_writer().commit(group, positions)

    async def _read(self, wanted: Sequence[Wanted]) -> list[list[Received]]:
        if self._threads is None:
            raise BusUnavailable("the embedded bus is not started")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read_file, wanted)

    def _read_file(self, wanted: Sequence[Wanted]) -> list[list[Received]]:
        connection = self._readers.get()
        try:
            return [self._read_partition(connection, one, _READ_BYTES // len(wanted)) for one in wanted]
        except sqlite3.Error as reason:
            raise BusUnavailable(f"the bus file cannot be read: {reason}") from reason
        finally:
            self._readers.put(connection)

    def _read_partition(self, connection: sqlite3.Connection, wanted: Wanted, most_bytes: int) -> list[Received]:
        place, offsets = wanted.partition.place, wanted.offsets
        received: list[Received] = []
        for batch in read_batches(connection, wanted.partition.id, offsets, most_bytes):
            # Where retention has dropped the front, the first record that is kept is next.
            following = range(max(offsets.start, batch.first), max(offsets.stop, batch.first + 1))
            received += unpack(batch.payload, place, batch.first, following)
        return received
