"""Reading a topic for no group: whoever reads keeps the positions, together with what they have made of the records."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPlace
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from shared.bus.kafka.login import reason_of
from shared.bus.kafka.subscription import received
from shared.bus.protocol import BusUnavailable, Received, TopicPartition

_LOOK_SECONDS = 1.0
"""How soon it is noticed that the cluster does not answer: aiokafka waits for it without a word."""


class PositionLost(Exception):
    """The topic does not hold a position: retention has passed it, or the topic was made anew."""


class Following:
    """Partitions of a topic, each from a position on. Not thread safe: one task reads it."""

    def __init__(self, connection: Mapping[str, Any], answer_seconds: float, silence: Callable[[], str | None]) -> None:
        """`connection`: what every aiokafka client is opened with. `answer_seconds`: the limit for coming in.
        `silence`: why the cluster does not answer, None while it does."""
        self._connection = connection
        self._answer_seconds = answer_seconds
        self._silence = silence
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Raises BusUnavailable."""
        consumer = AIOKafkaConsumer(**self._connection, enable_auto_commit=False, auto_offset_reset="none")
        try:
            async with asyncio.timeout(self._answer_seconds):
                await consumer.start()
        except BaseException as error:
            await _close(consumer)
            if isinstance(error, (KafkaError, TimeoutError)):
                raise BusUnavailable(f"Kafka: {type(error).__name__}") from error
            raise
        consumer.assign([KafkaPlace(*place) for place in offsets])
        for place, offset in offsets.items():
            consumer.seek(KafkaPlace(*place), offset)
        self._consumer = consumer

    async def getmany(self, max_records: int, wait_seconds: float) -> list[Received]:
        """The next records, in order within each partition; empty after `wait_seconds` of nothing.

        Raises PositionLost, BusUnavailable.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        while True:
            if self._consumer is None:
                raise BusUnavailable("it is not started")
            wait_ms = int(min(max(deadline - loop.time(), 0.0), _LOOK_SECONDS) * 1000)
            try:
                found = await self._consumer.getmany(timeout_ms=wait_ms, max_records=max_records)
            except OffsetOutOfRangeError:
                raise PositionLost from None
            except KafkaError as error:
                raise BusUnavailable(f"Kafka: {reason_of(error)}") from error
            if found:
                return [received(one) for records in found.values() for one in records]
            if (silence := self._silence()) is not None:
                raise BusUnavailable(silence)
            if loop.time() >= deadline:
                return []

    async def stop(self) -> None:
        """May be called twice."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _close(consumer)


async def _close(consumer: AIOKafkaConsumer) -> None:
    """While the cluster is away aiokafka stumbles over the fetch that it has cancelled itself, and leaves the rest."""
    closing = asyncio.create_task(consumer.stop(), name="bus-close")
    await asyncio.wait({closing})
    if closing.cancelled():
        if fetches := set(consumer._fetcher._pending_tasks):
            for fetch in fetches:
                fetch.cancel()
            await asyncio.wait(fetches)
        await consumer._client.close()
    elif (error := closing.exception()) is not None and not isinstance(error, KafkaError):
        raise error
