"""How a member of a group reads and commits."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka import TopicPartition as KafkaPlace
from aiokafka.errors import (
    CommitFailedError,
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
)

from shared.bus.kafka.login import forbids, reason_of
from shared.bus.protocol import BusUnavailable, Received, TopicPartition

_SESSION_SECONDS = 10.0
_REBALANCE_SECONDS = 15.0
"""How long a rebalance waits for members inside their batch; who is later loses what it holds. Longer than a statement
may take (`COMMAND_SECONDS`), and with what waits for it well within the half minute that agencies are promised."""
_TOPICS_SECONDS = 10.0
"""How soon a member learns of a topic that was declared after it came."""
_FETCH_BYTES = 8 * 1024 * 1024
_PARTITION_FETCH_BYTES = 1024 * 1024

_log = structlog.get_logger(__name__)


class KafkaSubscription:
    """One member of a consumer group. aiokafka rebalances eagerly: whenever a member comes or goes, everyone gives up
    all its partitions and goes on from the committed positions of those that it is given then."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        group: str,
        topics: Sequence[str],
        revoking: Callable[[], Awaitable[None]] | None,
        *,
        silence: Callable[[], str | None],
        heartbeat_seconds: float,
        answer_seconds: float,
    ) -> None:
        """`connection`: what every aiokafka client is opened with. `silence`: why the cluster does not answer, None
        while it does. `answer_seconds`: the limit for a commit, and for leaving."""
        self._topics = list(topics)
        self._revoking = revoking
        self._silence = silence
        self._answer_seconds = answer_seconds
        self._settings = dict(
            connection,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(_SESSION_SECONDS * 1000),
            heartbeat_interval_ms=int(heartbeat_seconds * 1000),
            rebalance_timeout_ms=int(_REBALANCE_SECONDS * 1000),
            # Joining is answered when every member has joined, so not within less than a rebalance may take.
            request_timeout_ms=int((_REBALANCE_SECONDS + 3) * 1000),
            metadata_max_age_ms=int(_TOPICS_SECONDS * 1000),
            fetch_max_bytes=_FETCH_BYTES,
            max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
        )
        self._consumer: AIOKafkaConsumer | None = None
        self._held: frozenset[KafkaPlace] = frozenset()
        self._readable = False
        self._giving_up = asyncio.Lock()
        self._commits: set[asyncio.Task[None]] = set()
        self._early: list[Any] = []
        self._poll: asyncio.Task[None] | None = None
        self._fault: Exception | None = None
        self._woken = asyncio.Event()
        self._turn = 0
        self._stopping: asyncio.Task[None] | None = None

    @property
    def stopped(self) -> bool:
        return self._stopping is not None

    async def start(self) -> None:
        """Joins in the background: the first `getmany` that finds records is the proof. Raises BusUnavailable."""
        if self.stopped:
            raise BusUnavailable("the subscription is stopped")
        if self._consumer is None:
            await self._open()

    async def stop(self) -> None:
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._leave(), name="bus-leave-group")
            self._woken.set()
        await asyncio.shield(self._stopping)

    def wake(self) -> None:
        self._woken.set()

    async def getmany(self, max_records: int, wait_seconds: float) -> list[Received]:
        """Nothing is awaited between the last look at the assignment and the return: a caller that takes its batch
        without awaiting in between holds it before `revoking` can be called."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        await asyncio.sleep(0)  # a reader that always finds something must not keep the loop to itself
        while True:
            self._woken.clear()
            if self.stopped or self._consumer is None:
                raise BusUnavailable("the subscription is stopped" if self.stopped else "it is not started")
            if self._fault is not None:
                await self._begin_again(self._fault)
                continue
            if received := await self._take(self._consumer, max_records):
                return received
            if (silence := self._silence() or self._closed_to_us(self._consumer)) is not None:
                raise BusUnavailable(silence)
            remaining = deadline - loop.time()
            if remaining <= 0:
                return []
            await self._wait(self._consumer, remaining)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        ours = {KafkaPlace(*place): position for place, position in positions.items() if place in self._held}
        if not ours or self._consumer is None:
            return
        written = asyncio.create_task(self._commit(self._consumer, ours), name="bus-commit")
        self._commits.add(written)
        written.add_done_callback(self._written)
        await asyncio.shield(written)

    async def _commit(self, consumer: AIOKafkaConsumer, positions: dict[KafkaPlace, int]) -> None:
        try:
            async with asyncio.timeout(self._answer_seconds):
                await consumer.commit(positions)
        except (CommitFailedError, IllegalStateError):
            _log.info("bus.commit_dropped", partitions=len(positions))  # another member holds them
        except (KafkaError, TimeoutError) as error:
            raise BusUnavailable(f"Kafka did not take the commit: {reason_of(error)}") from error

    def _written(self, written: asyncio.Task[None]) -> None:
        self._commits.discard(written)
        if not written.cancelled():
            written.exception()  # seen, also where the caller was cancelled

    async def _take(self, consumer: AIOKafkaConsumer, max_records: int) -> list[Received]:
        """What has been fetched already. Each partition gets its share, another one the first each time: aiokafka by
        itself empties one before it goes on to the next."""
        if not self._readable:
            return []
        found, self._early = self._early[:max_records], self._early[max_records:]
        places = sorted(self._held)
        if places:
            self._turn += 1
            turn = self._turn % len(places)
            places = places[turn:] + places[:turn]
        try:
            for share in (max(1, max_records // max(1, len(places))), max_records):
                for place in places:
                    if room := min(share, max_records - len(found)):
                        # Does not suspend: without a timeout, and no rebalance is under way.
                        some = await consumer.getmany(place, timeout_ms=0, max_records=room)
                        found += some.get(place, ())
        except (KafkaError, ConsumerStoppedError) as error:
            self._fault = error
        return [received(one) for one in found]

    async def _wait(self, consumer: AIOKafkaConsumer, seconds: float) -> None:
        """Until there may be something to take."""
        # A task of its own, which outlives a cancelled caller: a `getmany` of aiokafka that is cancelled counts as
        # one that reads for ever, and during a rebalance it does not keep to its timeout.
        if self._poll is None or self._poll.done():
            if self._poll is not None:
                self._poll.result()  # raises what nobody foresaw
            self._poll = asyncio.create_task(self._fetch_one(consumer, seconds), name="bus-poll")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()

    async def _fetch_one(self, consumer: AIOKafkaConsumer, seconds: float) -> None:
        try:
            fetched = await consumer.getmany(timeout_ms=max(1, int(seconds * 1000)), max_records=1)
            for some in fetched.values():
                self._early += some
        except ConsumerStoppedError:
            pass
        except KafkaError as error:
            self._fault = error
        finally:
            self._woken.set()

    async def _open(self) -> None:
        consumer = AIOKafkaConsumer(**self._settings)
        try:
            async with asyncio.timeout(self._answer_seconds):
                # Without topics yet: with them, it would wait for partitions, and those may be in a batch elsewhere.
                await consumer.start()
            if self.stopped:
                raise ConsumerStoppedError
        except BaseException as error:
            await self._close(consumer)
            if isinstance(error, (KafkaError, TimeoutError, ConsumerStoppedError)):
                raise BusUnavailable(f"Kafka: {type(error).__name__}") from error
            raise
        self._consumer = consumer
        consumer.subscribe(self._topics, listener=_Listener(self))

    async def _begin_again(self, fault: Exception) -> None:
        """After an error the consumer may have died within: a new one joins. Raises BusUnavailable, also after what
        the cluster forbids: the caller is to hear of that."""
        _log.warning("bus.consumer_renewed", error=type(fault).__name__)
        consumer = self._consumer
        await self.give_up()
        if consumer is not None:
            await self._close(consumer)
        await self._open()
        self._fault = None
        if forbids(fault):
            raise BusUnavailable(f"Kafka: {reason_of(fault)}")

    def _closed_to_us(self, consumer: AIOKafkaConsumer) -> str | None:
        """aiokafka waits without a word for topics that it may not see."""
        hidden = consumer._client.cluster.unauthorized_topics.intersection(self._topics)
        return f"Kafka: this user has no right to the topic {', '.join(sorted(hidden))}" if hidden else None

    async def give_up(self) -> None:
        """Ends reading, awaits the batch in hand and its commit: then others may have the partitions."""
        self._readable = False
        self._early.clear()
        async with self._giving_up:
            if self._held and self._revoking is not None:
                try:
                    await self._revoking()
                except Exception as error:  # a bug of the caller must not stop the group
                    _log.error("bus.revoking_failed", error=type(error).__name__)
            self._held = frozenset()
            if self._commits:
                # aiokafka sends a commit that it has to repeat with the generation of then: it would be taken for one
                # of a partition that is ours no more.
                await asyncio.wait(self._commits)

    def take_over(self, places: frozenset[KafkaPlace]) -> None:
        if not self.stopped:
            self._held = places
            self._readable = True
            self._woken.set()

    async def _leave(self) -> None:
        # Closing a consumer does not call its listener.
        await self.give_up()
        if self._consumer is not None:
            await self._close(self._consumer)

    async def _close(self, consumer: AIOKafkaConsumer) -> None:
        if self._poll is not None:
            self._poll.cancel()
            await asyncio.wait([self._poll])
            self._poll = None
        try:
            async with asyncio.timeout(self._answer_seconds):
                await consumer.stop()
        except (KafkaError, TimeoutError) as error:
            # The group waits for it until its session ends. The rest of what `stop` would have done:
            _log.warning("bus.group_not_left", error=type(error).__name__)
            if consumer._coordinator is not None:
                await consumer._coordinator._stop_heartbeat_task()  # it would keep the partitions for nobody
                await consumer._coordinator._stop_commit_offsets_refresh_task()
            if consumer._fetcher is not None:
                await consumer._fetcher.close()
            await consumer._client.close()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """What aiokafka tells of rebalances."""

    def __init__(self, subscription: KafkaSubscription) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: set[KafkaPlace]) -> None:
        await self._subscription.give_up()

    async def on_partitions_assigned(self, assigned: set[KafkaPlace]) -> None:
        self._subscription.take_over(frozenset(assigned))


def received(one: Any) -> Received:
    """Foreign producers may write no key, one that is no text, no value (a tombstone), and headers without one."""
    try:
        key = None if one.key is None else one.key.decode()
    except UnicodeDecodeError:
        key = None
    headers = one.headers
    for _, value in headers:
        if value is None:
            headers = tuple((name, had or b"") for name, had in headers)
            break
    return Received(one.topic, one.partition, one.offset, key, one.value or b"", one.timestamp, headers)
