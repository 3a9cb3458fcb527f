"""What is asked of the cluster beside reading and writing: its topics, its offsets, whether it is there."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer  # type: ignore[import-untyped]
from aiokafka import TopicPartition as KafkaPlace
from aiokafka.admin import AIOKafkaAdminClient, NewTopic  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    BrokerResponseError,
    GroupLoadInProgressError,
    KafkaError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    for_code,
)

from shared.bus.protocol import BusUnavailable, Topic, UnknownTopic

MOST_RECORD_BYTES = 4 * 1024 * 1024
"""Of one record with its key and headers."""

_OVERHEAD_BYTES = 1024
_FOR_EVER = str(2**63 - 1)
_DAY_MS = 24 * 60 * 60 * 1000
_PAUSE_SECONDS = 0.05
_CLOSE_SECONDS = 1.0

Answer = TypeVar("Answer")


class Cluster:
    """One administrative client, made anew after each failure.

    aiokafka looks for lost brokers at the addresses they had, never again at the bootstrap ones: a client that found
    nobody would not find a cluster that moved.
    """

    def __init__(self, connection: Mapping[str, Any], answer_seconds: float) -> None:
        """`connection`: what every aiokafka client is opened with. `answer_seconds`: the limit of each question."""
        self._connection = dict(connection, request_timeout_ms=int(answer_seconds * 1000))
        self._answer_seconds = answer_seconds
        self._admin: AIOKafkaAdminClient | None = None
        self._ends: AIOKafkaConsumer | None = None
        self._opening = asyncio.Lock()
        self._partitions: dict[str, int] = {}

    async def stop(self) -> None:
        admin, self._admin = self._admin, None
        ends, self._ends = self._ends, None
        with contextlib.suppress(TimeoutError, KafkaError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                if admin is not None:
                    await admin.close()
                if ends is not None:
                    await ends.stop()

    async def pulse(self, seconds: float) -> None:
        """Asks for nothing but an answer. Raises BusUnavailable."""
        await self._ask(lambda: self._with_admin(lambda admin: admin.describe_topics([])), seconds, patient=False)

    async def create(self, topics: Sequence[Topic]) -> None:
        """Creates what is missing, and waits until it can be written to. Raises BusUnavailable, ValueError."""
        wanted = {topic.name: topic for topic in topics}
        await self._ask(self._refresh)
        missing = [_declared(topic) for name, topic in wanted.items() if name not in self._partitions]
        if missing:
            await self._ask(lambda: self._create(missing))
        # The controller says that it is created before every broker knows of it.
        await self._ask(lambda: self._have(wanted))

    async def partitions(self, topic: str) -> int:
        """How many partitions it has. Raises UnknownTopic, BusUnavailable."""
        if topic not in self._partitions:
            await self._ask(self._refresh)
        if topic not in self._partitions:
            raise UnknownTopic(topic)
        return self._partitions[topic]

    def forget(self, topics: set[str]) -> None:
        """Looks again for topics that could not be written to: they may be gone."""
        for topic in topics:
            self._partitions.pop(topic, None)

    async def lag(self, group: str, topics: Sequence[str]) -> int:
        """Raises UnknownTopic, BusUnavailable."""
        places = [KafkaPlace(topic, number) for topic in topics for number in range(await self.partitions(topic))]
        # In this order: a position that is read after the end may lie beyond it.
        committed = await self._ask(lambda: self._committed(group, places))
        firsts, ends = await self._ask(lambda: self._extents(places))
        behind = 0
        for place in places:
            position = committed[place]
            # Beyond the end it counts as none, as for a reader.
            start = max(position, firsts[place]) if position <= ends[place] else firsts[place]
            behind += ends[place] - start
        return behind

    async def _committed(self, group: str, places: list[KafkaPlace]) -> dict[KafkaPlace, int]:
        found = await self._with_admin(lambda admin: admin.list_consumer_group_offsets(group, partitions=places))
        if any(place not in found for place in places):
            # aiokafka does not look at the error of the whole answer, which comes without any partition.
            raise GroupLoadInProgressError
        return {place: found[place].offset for place in places}

    async def _extents(self, places: list[KafkaPlace]) -> tuple[dict[KafkaPlace, int], dict[KafkaPlace, int]]:
        async with self._opening:
            if self._ends is None:
                ends = AIOKafkaConsumer(**self._connection, enable_auto_commit=False)
                try:
                    await ends.start()
                except BaseException:
                    await ends.stop()
                    raise
                self._ends = ends
            ends = self._ends
        return await ends.beginning_offsets(places), await ends.end_offsets(places)

    async def _refresh(self) -> None:
        # Of all topics: asking for one by its name would create it where the broker creates topics by itself.
        described = await self._with_admin(lambda admin: admin.describe_topics())
        self._partitions = {
            topic["topic"]: len(topic["partitions"])
            for topic in described
            if topic["partitions"] and all(partition["leader"] >= 0 for partition in topic["partitions"])
        }

    async def _have(self, wanted: Mapping[str, Topic]) -> None:
        if any(name not in self._partitions for name in wanted):
            await self._refresh()
        if any(name not in self._partitions for name in wanted):
            raise LeaderNotAvailableError

    async def _create(self, topics: list[NewTopic]) -> None:
        response = await self._with_admin(lambda admin: admin.create_topics(topics))
        for name, code, *_ in response.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                if error.retriable:
                    raise error
                raise ValueError(f"topic {name} is refused: {error.__name__}")

    async def _with_admin(self, question: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
        async with self._opening:
            if self._admin is None:
                admin = AIOKafkaAdminClient(**self._connection)
                try:
                    await admin.start()
                except BaseException:
                    await admin.close()
                    raise
                self._admin = admin
            admin = self._admin
        return await question(admin)

    async def _ask(
        self, question: Callable[[], Awaitable[Answer]], seconds: float | None = None, patient: bool = True
    ) -> Answer:
        """Where the cluster says that it may be asked again, it is, until the limit. Raises BusUnavailable."""
        limit = self._answer_seconds if seconds is None else seconds
        reason = f"no answer within {limit:g} s"
        try:
            async with asyncio.timeout(limit):
                while True:
                    try:
                        return await question()
                    except KafkaError as error:
                        reason = type(error).__name__
                        if not patient or not error.retriable:
                            raise
                        if not isinstance(error, BrokerResponseError):
                            await self.stop()  # it was no answer
                        await asyncio.sleep(_PAUSE_SECONDS)
        except (KafkaError, TimeoutError) as error:
            await self.stop()
            raise BusUnavailable(f"Kafka at {self._connection['bootstrap_servers']}: {reason}") from error


def _declared(topic: Topic) -> NewTopic:
    configs = {
        "message.timestamp.type": "LogAppendTime" if topic.log_append_time else "CreateTime",
        "retention.ms": "-1" if topic.retention_days is None else str(topic.retention_days * _DAY_MS),
        # Only the days count, and a compacted topic would lose events.
        "retention.bytes": "-1",
        "cleanup.policy": "delete",
        "max.message.bytes": str(MOST_RECORD_BYTES + _OVERHEAD_BYTES),
        # A service whose clock is ahead must not stop its relay: the broker would refuse its events for ever.
        "message.timestamp.after.max.ms": _FOR_EVER,
    }
    # aiokafka takes the broker's own replication factor (-1) only with a list of replicas, so an empty one.
    return NewTopic(topic.name, topic.partitions, -1, replica_assignments={}, topic_configs=configs)
