"""Records on their way to the log."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed
from aiokafka.producer.message_accumulator import BatchBuilder

from shared.bus.kafka.login import forbids, reason_of
from shared.bus.kafka.topics import MOST_RECORD_BYTES
from shared.bus.protocol import BusUnavailable, Record

BATCH_BYTES = 512 * 1024
_CLOSE_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class Addressed(NamedTuple):
    """A record, and where it goes."""

    record: Record
    key: bytes
    partition: int


class Publishing:
    """One idempotent producer, made anew after each failure.

    Memory is bounded: the producer holds two batches per partition at most beside the records of one `send`, and
    publishers wait for their turn.
    """

    def __init__(self, connection: Mapping[str, Any], publish_seconds: float) -> None:
        """`publish_seconds`: the limit of one `send`."""
        self._publish_seconds = publish_seconds
        self._settings = dict(
            connection,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=MOST_RECORD_BYTES,
            # Half, so that a request that got lost is sent once more within the limit.
            request_timeout_ms=int(publish_seconds * 500),
        )
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()
        self._stopped = False
        self._closing: set[asyncio.Task[None]] = set()

    async def stop(self) -> None:
        """What is on its way is awaited up to the limit."""
        self._stopped = True
        async with self._turn:
            producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._publish_seconds):
                    await producer.flush()
            self._close_later(producer)
        await asyncio.gather(*self._closing)

    async def send(self, address: Callable[[], Awaitable[Sequence[Addressed]]]) -> None:
        """Returns once all are acknowledged by every replica in sync. Raises BusUnavailable, and what `address` raises
        (nothing has been sent then)."""
        producer: AIOKafkaProducer | None = None
        sent: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._publish_seconds):
                # The producer awaits room for a batch; publishers of one key would overtake each other there
                # (aio-libs/aiokafka#528). A lock lets them in in the order in which they came.
                async with self._turn:
                    records = await address()
                    producer = await self._ready()
                    for topic, partition, batch in _packed(producer, records):
                        future = await producer.send_batch(batch, topic, partition=partition)
                        future.add_done_callback(_seen)
                        sent.append(future)
                await asyncio.wait(sent)
            for future in sent:
                future.result()
        # An assertion of aiokafka, where a topic has fewer partitions than it had.
        except (KafkaError, TimeoutError, AssertionError) as error:
            # An idempotent producer tries the same batch for ever (aio-libs/aiokafka#1101), and after a batch that
            # failed it refuses all later ones of the partition (#1017): only a new one goes on. What the old one has
            # sent already may still arrive: readers drop repeats.
            if producer is not None and self._producer is producer:
                self._producer = None
                self._close_later(producer)
            if forbids(error):
                raise BusUnavailable(f"Kafka: {reason_of(error)}") from error
            reason = "no acknowledgement" if isinstance(error, TimeoutError) else type(error).__name__
            raise BusUnavailable(f"Kafka: {reason} within {self._publish_seconds:g} s") from error

    async def _ready(self) -> AIOKafkaProducer:
        if self._stopped:
            raise ProducerClosed
        if self._producer is None:
            producer = AIOKafkaProducer(**self._settings)
            try:
                # While the broker is away this never returns: it waits for a producer id.
                await producer.start()
            except BaseException:
                self._close_later(producer)
                raise
            self._producer = producer
        return self._producer

    def _close_later(self, producer: AIOKafkaProducer) -> None:
        closing = asyncio.create_task(_close(producer), name="bus-close-producer")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


def _packed(producer: AIOKafkaProducer, records: Sequence[Addressed]) -> list[tuple[str, int, BatchBuilder]]:
    """The records as batches with their topics and partitions, first come, first packed.

    By aiokafka's `send` each record has a future of its own, a wait for room and a look at the metadata: half of the
    time that a record takes. Here a record is one call, and a batch has the one future.
    """
    batches: list[tuple[str, int, BatchBuilder]] = []
    open_ones: dict[tuple[str, int], BatchBuilder] = {}
    for record, key, partition in records:
        place = (record.topic, partition)
        batch = open_ones.get(place)
        while batch is None or _append(batch, record, key) is None:
            # The first record of a batch always finds room, however large it is.
            batch = open_ones[place] = producer.create_batch()
            batches.append((*place, batch))
    for _, _, batch in batches:
        # Else a later publisher's records could join it, and share its end.
        batch.close()
    return batches


def _append(batch: BatchBuilder, record: Record, key: bytes) -> Any:
    """None where it has no room."""
    return batch.append(timestamp=record.timestamp_ms, key=key, value=record.value, headers=list(record.headers))


async def _close(producer: AIOKafkaProducer) -> None:
    """`AIOKafkaProducer.stop` awaits that everything is sent, without a limit; so nothing is left to it before."""
    producer._message_accumulator.fail_all(ProducerClosed())
    sending = producer._sender.sender_task
    if sending is not None:
        # The first one is caught, to await requests under way; the second one ends them.
        for _ in range(2):
            sending.cancel()
            await asyncio.wait([sending], timeout=0.01)
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await producer.stop()
    except (KafkaError, TimeoutError) as error:
        _log.warning("bus.producer_not_closed", error=type(error).__name__)


def _seen(future: asyncio.Future[Any]) -> None:
    """asyncio complains of errors that nobody looks at, as those of a cancelled publisher."""
    if not future.cancelled():
        future.exception()
