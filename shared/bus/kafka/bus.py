"""The door of the bus on Kafka."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from shared.bus.embedded.partitioner import partition_of
from shared.bus.kafka.cluster import Cluster
from shared.bus.kafka.following import Following
from shared.bus.kafka.login import connection_to
from shared.bus.kafka.publishing import Addressed, Publishing
from shared.bus.kafka.reading import Reading
from shared.bus.kafka.subscription import KafkaSubscription
from shared.bus.kafka.topics import MOST_RECORD_BYTES
from shared.bus.protocol import BusUnavailable, Received, Record, Topic, TopicPartition
from shared.settings import KafkaSettings

_PULSE_SECONDS = 2.0
_HEALTH_SECONDS = 5.0
_FRAME_BYTES = 128
"""The most that Kafka adds to a record, and to each of its headers."""


class KafkaBus:
    """Topics of an Apache Kafka cluster, for one event loop. Not thread safe; once stopped, it stays so.

    The cluster is to run with `auto.create.topics.enable=false`: aiokafka's consumers and producers ask for topics by
    name in a way that creates them.
    """

    def __init__(
        self,
        kafka: KafkaSettings | str,
        *,
        creates: bool = True,
        publish_seconds: float = 10.0,
        answer_seconds: float = 10.0,
        heartbeat_seconds: float = 1.0,
    ) -> None:
        """`kafka`: how it is reached, or only host:port of one or more brokers, with commas. `creates`: whether
        `declare` creates topics; otherwise it only sees that they are there. `publish_seconds`: within which records
        are acknowledged or BusUnavailable is raised. `answer_seconds`: the same for every other question.
        `heartbeat_seconds`: how soon a member learns of a rebalance. Raises ValueError for a CA that cannot be read."""
        self._answer_seconds = answer_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._connection = connection_to(KafkaSettings(kafka) if isinstance(kafka, str) else kafka)
        self._cluster = Cluster(self._connection, answer_seconds, creates)
        self._publishing = Publishing(self._connection, publish_seconds)
        self._reading = Reading(self._connection, answer_seconds)
        self._started = False
        self._subscriptions: list[KafkaSubscription] = []
        self._followings: list[Following] = []
        self._pulse: asyncio.Task[None] | None = None
        self._silence: str | None = None
        self._answers = 0

    async def start(self) -> None:
        """Raises BusUnavailable."""
        _keep_records_out_of_the_log()
        await self._cluster.pulse(self._answer_seconds)
        self._started = True
        self._pulse = asyncio.create_task(self._feel_pulse(), name="bus-pulse")

    async def stop(self) -> None:
        # First the readers: the end of a batch may publish.
        await asyncio.gather(*(subscription.stop() for subscription in self._subscriptions))
        await asyncio.gather(*(following.stop() for following in self._followings))
        if not self._started:
            return
        self._started = False
        if self._pulse is not None:
            self._pulse.cancel()
            await asyncio.wait([self._pulse])
        await self._publishing.stop()
        await self._reading.stop()
        await self._cluster.stop()

    async def declare(self, topics: Sequence[Topic]) -> None:
        """Raises BusUnavailable (a topic is missing and this bus creates none), ValueError (Kafka refuses one)."""
        for topic in topics:
            if topic.partitions < 1:
                raise ValueError(f"topic {topic.name} is declared with {topic.partitions} partitions")
        self._check_started()
        await self._cluster.create(topics)

    async def publish(self, records: Sequence[Record]) -> None:
        """Raises ValueError, before anything is sent, for a record above 4 MiB."""
        self._check_started()

        async def address() -> list[Addressed]:
            counts = {topic: await self._cluster.partitions(topic) for topic in {record.topic for record in records}}
            addressed = []
            for record in records:
                key = record.key.encode()
                if _size_bytes(record, key) > MOST_RECORD_BYTES:
                    raise ValueError(f"a record for {record.topic} is larger than {MOST_RECORD_BYTES} bytes")
                addressed.append(Addressed(record, key, partition_of(record.key, counts[record.topic])))
            return addressed

        if records:
            try:
                await self._publishing.send(address)
                self._answered()
            except BusUnavailable:
                self._cluster.forget({record.topic for record in records})
                raise

    def subscribe(
        self,
        group: str,
        topics: Sequence[str],
        revoking: Callable[[], Awaitable[None]] | None = None,
    ) -> KafkaSubscription:
        subscription = KafkaSubscription(
            self._connection,
            group,
            topics,
            revoking,
            silence=lambda: self._silence,
            heartbeat_seconds=self._heartbeat_seconds,
            answer_seconds=self._answer_seconds,
        )
        self._subscriptions = [one for one in self._subscriptions if not one.stopped] + [subscription]
        return subscription

    async def lag(self, group: str, topics: Sequence[str]) -> int:
        """Raises UnknownTopic, BusUnavailable."""
        self._check_started()
        lag = await self._cluster.lag(group, topics)
        self._answered()
        return lag

    async def extents(self, topic: str) -> dict[TopicPartition, range]:
        """Raises UnknownTopic, BusUnavailable."""
        self._check_started()
        extents = await self._cluster.extents(topic)
        self._answered()
        return {TopicPartition(*place): extent for place, extent in extents.items()}

    async def read(self, place: TopicPartition, offset: int, most_records: int) -> list[Received]:
        """Raises BusUnavailable."""
        self._check_started()
        return await self._reading.read(place, offset, most_records)

    async def committed(self, group: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
        """Raises UnknownTopic, BusUnavailable."""
        self._check_started()
        return {TopicPartition(*place): at for place, at in (await self._cluster.committed(group, topics)).items()}

    async def rewind(self, group: str, positions: Mapping[TopicPartition, int]) -> None:
        """Raises BusUnavailable."""
        self._check_started()
        await self._reading.rewind(group, positions)

    async def follow(self, offsets: Mapping[TopicPartition, int]) -> Following:
        """A reader of these partitions from these offsets on, without a group: it keeps no position, and commits none.
        For whoever keeps the offsets beside what they have made of the records. Raises BusUnavailable."""
        self._check_started()
        following = Following(self._connection, self._answer_seconds, lambda: self._silence)
        await following.start(offsets)
        self._followings.append(following)
        return following

    async def healthy(self) -> str | None:
        """Readers are told the same."""
        answers = self._answers
        try:
            self._check_started()
            await self._cluster.pulse(_HEALTH_SECONDS)
        except BusUnavailable as reason:
            # A question from before the cluster came back may fail after others were answered.
            if answers == self._answers:
                self._silence = str(reason)
        else:
            self._answered()
        return self._silence

    def _answered(self) -> None:
        self._answers += 1
        self._silence = None

    async def _feel_pulse(self) -> None:
        """aiokafka's consumer looks for a lost broker for ever and says nothing; so readers are told from here."""
        while True:
            await asyncio.sleep(_PULSE_SECONDS)
            if await self.healthy() is not None:
                for subscription in self._subscriptions:
                    subscription.wake()

    def _check_started(self) -> None:
        if not self._started:
            raise BusUnavailable("the Kafka bus is not started")


def _keep_records_out_of_the_log() -> None:
    """At DEBUG aiokafka logs keys and values, and whole requests."""
    logger = logging.getLogger("aiokafka")
    logger.setLevel(max(logging.INFO, logger.getEffectiveLevel()))


def _size_bytes(record: Record, key: bytes) -> int:
    headers = sum(len(name.encode()) + len(value) + _FRAME_BYTES for name, value in record.headers)
    return _FRAME_BYTES + len(key) + len(record.value) + headers
