"""What is asked of the cluster beside reading and writing: its topics, its offsets, whether it is there."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPlace
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    BrokerResponseError,
    GroupLoadInProgressError,
    KafkaConnectionError,
    KafkaError,
    LeaderNotAvailableError,
    TopicAlreadyExistsError,
    for_code,
)

from shared.bus.kafka.login import LoginRefused, knock, reason_of
from shared.bus.kafka.topics import configs_of
from shared.bus.protocol import BusUnavailable, Topic, UnknownTopic

_PAUSE_SECONDS = 0.05
_CLOSE_SECONDS = 1.0

Answer = TypeVar("Answer")


class Cluster:
    """One administrative client, made anew after each failure.

    aiokafka looks for lost brokers at the addresses they had, never again at the bootstrap ones: a client that found
    nobody would not find a cluster that moved.
    """

    def __init__(self, connection: Mapping[str, Any], answer_seconds: float, creates: bool = True) -> None:
        """`connection`: what every aiokafka client is opened with. `answer_seconds`: the limit of each question.
        `creates`: whether this user may create topics."""
        self._connection = dict(connection, request_timeout_ms=int(answer_seconds * 1000))
        self._answer_seconds = answer_seconds
        self._creates = creates
        self._admin: AIOKafkaAdminClient | None = None
        self._ends: AIOKafkaConsumer | None = None
        self._opening = asyncio.Lock()
        self._partitions: dict[str, int] = {}
        self._leaderless: set[str] = set()

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
        """Creates what is missing, and waits until it can be written to. Raises BusUnavailable, ValueError.

        Who may not create raises BusUnavailable where one is missing; one that is there may have any partitions."""
        wanted = {topic.name: topic for topic in topics}
        await self._ask(self._refresh)
        known = self._partitions.keys() | self._leaderless
        missing = [_declared(topic) for name, topic in wanted.items() if name not in known]
        if missing and not self._creates:
            raise self._absent(missing[0].name)
        if missing:
            await self._ask(lambda: self._create(missing))
        # The controller says that it is created before every broker knows of it.
        await self._ask(lambda: self._have(wanted))

    async def partitions(self, topic: str) -> int:
        """How many partitions it has. Raises UnknownTopic, BusUnavailable."""
        if topic not in self._partitions:
            await self._ask(self._refresh)
        if topic in self._leaderless:
            # As after a broker came back: it is there, and can be written to in a moment.
            await self._ask(lambda: self._have((topic,)))
        if topic not in self._partitions:
            raise UnknownTopic(topic) if self._creates else self._absent(topic)
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

    async def extents(self, topic: str) -> dict[KafkaPlace, range]:
        """Raises UnknownTopic, BusUnavailable."""
        self.forget({topic})  # it may have been deleted, and made anew with other partitions
        places = [KafkaPlace(topic, number) for number in range(await self.partitions(topic))]
        firsts, ends = await self._ask(lambda: self._extents(places))
        return {place: range(firsts[place], ends[place]) for place in places}

    async def committed(self, group: str, topics: Sequence[str]) -> dict[KafkaPlace, int]:
        """Raises UnknownTopic, BusUnavailable."""
        places = [KafkaPlace(topic, number) for topic in topics for number in range(await self.partitions(topic))]
        positions = await self._ask(lambda: self._committed(group, places))
        return {place: position for place, position in positions.items() if position >= 0}

    async def _why(self) -> None:
        """Raises LoginRefused where that is why nobody was found."""
        try:
            await knock(self._connection)
        except LoginRefused:
            raise
        except BusUnavailable:
            return  # they are not there

    def _absent(self, topic: str) -> UnknownTopic:
        """Kafka does not say which: a topic that one may not see, or none. Both end when the operator has done so."""
        return UnknownTopic(f"topic {topic} is missing, or closed to this user: run `pulang provision`")

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
        self._leaderless = {topic["topic"] for topic in described} - self._partitions.keys()

    async def _have(self, wanted: Collection[str]) -> None:
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
                except BaseException as error:
                    await admin.close()
                    if isinstance(error, KafkaConnectionError):
                        await self._why()
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
                        reason = reason_of(error)
                        if not patient or not error.retriable:
                            raise
                        if not isinstance(error, BrokerResponseError):
                            await self.stop()  # it was no answer
                        await asyncio.sleep(_PAUSE_SECONDS)
        except (KafkaError, TimeoutError) as error:
            await self.stop()
            raise BusUnavailable(f"Kafka at {self._connection['bootstrap_servers']}: {reason}") from error


def _declared(topic: Topic) -> NewTopic:
    # aiokafka takes the broker's own replication factor (-1) only with a list of replicas, so an empty one.
    return NewTopic(topic.name, topic.partitions, -1, replica_assignments={}, topic_configs=configs_of(topic))
