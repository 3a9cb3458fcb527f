"""Reading for no group, and moving a group that has no member."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPlace
from aiokafka.errors import KafkaError

from shared.bus.kafka.login import reason_of
from shared.bus.kafka.subscription import received
from shared.bus.protocol import BusUnavailable, Received, TopicPartition

_FETCH_BYTES = 4 * 1024 * 1024


class Reading:
    """One consumer without a group, one partition at a time; made anew after each failure. Questions take turns."""

    def __init__(self, connection: Mapping[str, Any], answer_seconds: float) -> None:
        self._connection = connection
        self._answer_seconds = answer_seconds
        self._consumer: AIOKafkaConsumer | None = None
        self._turn = asyncio.Lock()
        self._at: tuple[KafkaPlace, int] | None = None

    async def stop(self) -> None:
        consumer, self._consumer, self._at = self._consumer, None, None
        if consumer is not None:
            await consumer.stop()

    async def read(self, place: TopicPartition, offset: int, most_records: int) -> list[Received]:
        """Raises BusUnavailable."""
        async with self._turn:
            try:
                async with asyncio.timeout(self._answer_seconds):
                    return await self._read(KafkaPlace(*place), offset, most_records)
            except (KafkaError, TimeoutError) as error:
                await self.stop()
                raise BusUnavailable(f"Kafka: {place.topic} cannot be read: {_because(error)}") from error

    async def rewind(self, group: str, positions: Mapping[TopicPartition, int]) -> None:
        """Raises BusUnavailable, also where somebody reads as this group."""
        consumer = AIOKafkaConsumer(**self._connection, group_id=group, enable_auto_commit=False)
        try:
            async with asyncio.timeout(self._answer_seconds):
                await consumer.start()
                consumer.assign([KafkaPlace(*place) for place in positions])
                await consumer.commit({KafkaPlace(*place): offset for place, offset in positions.items()})
        except (KafkaError, TimeoutError) as error:
            raise BusUnavailable(f"Kafka: the group {group} cannot be moved: {_because(error)}") from error
        finally:
            await consumer.stop()

    async def _read(self, place: KafkaPlace, offset: int, most_records: int) -> list[Received]:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **self._connection, enable_auto_commit=False, max_partition_fetch_bytes=_FETCH_BYTES
            )
            await self._consumer.start()
        if self._at != (place, offset):  # otherwise what was fetched ahead is still good
            self._consumer.assign([place])
            self._consumer.seek(place, offset)
        while True:
            found = await self._consumer.getmany(place, timeout_ms=1000, max_records=most_records)
            if records := found.get(place):
                self._at = (place, records[-1].offset + 1)
                return [received(one) for one in records]


def _because(error: BaseException) -> str:
    return reason_of(error) if isinstance(error, KafkaError) else "no answer in time"
