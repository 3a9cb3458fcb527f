"""What only Kafka has: a broker that goes away, and foreign producers."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus, PositionLost
from shared.bus.protocol import BusUnavailable, Received, Topic, TopicPartition, UnknownTopic
from tests.contract.bus.reading import PATIENCE_SECONDS, Case, commit, read, record, values
from tests.real.kafka import RealKafka, start_or_skip

# aiokafka loses a connection that is being made while its start is given up on, as where the broker was killed just
# now; it closes it when it is collected, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed AIOKafkaConnection:ResourceWarning")

PUBLISH_SECONDS = 2.0
KEYS = [f"case-{n}" for n in range(8)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """One of its own, which may be killed."""
    broker = start_or_skip(tmp_path_factory.mktemp("kafka") / "broker")
    yield broker
    broker.end()


@pytest.fixture
async def kafka(broker: RealKafka) -> AsyncIterator[KafkaBus]:
    broker.start()  # where a test before left it dead
    bus = KafkaBus(broker.bootstrap, publish_seconds=PUBLISH_SECONDS, answer_seconds=5, heartbeat_seconds=0.1)
    await bus.start()
    yield bus
    await bus.stop()
    gc.collect()  # what aiokafka lost is closed while there is a loop to close it in


@pytest.fixture
def topic() -> str:
    return f"lifecycle.{uuid4().hex[:8]}"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it is the cases that change it
            await asyncio.sleep(0.01)


async def read_everything(bus: KafkaBus, topic: str) -> list[Received]:
    group = f"reader.{uuid4().hex}"
    member = bus.subscribe(group, [topic])
    await member.start()
    return await read(member, await bus.lag(group, [topic]))


def first_appearances(received: list[Received], key: str) -> list[int]:
    return [int(value) for value in dict.fromkeys(values(received, key))]


async def test_a_killed_broker_keeps_what_it_acknowledged_and_the_bus_goes_on(
    kafka: KafkaBus, broker: RealKafka, topic: str
) -> None:
    await kafka.declare([Topic(topic)])
    cases = [Case(kafka, topic, key) for key in KEYS]
    running = [asyncio.create_task(case.run()) for case in cases]
    await until(lambda: all(case.acknowledged > 60 for case in cases))
    broker.kill()
    await until(lambda: all(case.failures for case in cases))
    assert await kafka.healthy() is not None
    broker.launch()
    await asyncio.to_thread(broker.wait)
    least = 60 + max(case.acknowledged for case in cases)
    await until(lambda: all(case.acknowledged > least for case in cases))
    for case in cases:
        case.stopping = True
    await asyncio.gather(*running)

    assert await kafka.healthy() is None
    received = await read_everything(kafka, topic)
    for case, key in zip(cases, KEYS, strict=True):
        numbers = first_appearances(received, key)
        assert len(numbers) >= case.acknowledged
        assert numbers == list(range(len(numbers)))


async def test_a_reader_is_told_that_the_broker_is_gone_and_goes_on_when_it_is_back(
    kafka: KafkaBus, broker: RealKafka, topic: str
) -> None:
    await kafka.declare([Topic(topic)])
    member = kafka.subscribe(f"shelter.{topic}", [topic])
    await member.start()
    await kafka.publish([record(topic, key, "before") for key in KEYS])
    received = await read(member, len(KEYS))
    broker.kill()
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(BusUnavailable):
            await member.getmany(10, PATIENCE_SECONDS)
    with pytest.raises(BusUnavailable):
        await commit(member, received)

    broker.launch()
    await asyncio.to_thread(broker.wait)
    await kafka.publish([record(topic, key, "after") for key in KEYS])
    later: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while later.count("after") < len(KEYS):
            try:
                some = await member.getmany(10, 1)
                later += values(some)
                await commit(member, some)
            except BusUnavailable:
                await asyncio.sleep(0.05)

    assert await kafka.lag(f"shelter.{topic}", [topic]) == 0


async def test_a_reader_without_a_group_begins_where_it_says_and_keeps_the_order(kafka: KafkaBus, topic: str) -> None:
    await kafka.declare([Topic(topic, partitions=3)])
    await kafka.publish([record(topic, key, str(number)) for number in range(20) for key in KEYS])
    extents = await kafka.extents(topic)
    following = await kafka.follow({place: extent.start + 2 for place, extent in extents.items() if extent})
    received: list[Received] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(received) < 20 * len(KEYS) - 2 * sum(1 for extent in extents.values() if extent):
            received += await following.getmany(7, 1)
    for place, extent in extents.items():
        offsets = [one.offset for one in received if one.place == place]
        assert offsets == list(range(extent.start + 2, extent.stop))
    assert await following.getmany(7, 0.1) == []
    await following.stop()
    with pytest.raises(BusUnavailable):
        await following.getmany(7, 0)


async def test_a_reader_without_a_group_hears_that_its_place_is_gone(kafka: KafkaBus, topic: str) -> None:
    await kafka.declare([Topic(topic, partitions=1)])
    await kafka.publish([record(topic, "case", "0")])
    following = await kafka.follow({TopicPartition(topic, 0): 5})
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(PositionLost):
            await following.getmany(7, PATIENCE_SECONDS)


async def test_a_reader_without_a_group_hears_that_the_broker_is_gone(
    kafka: KafkaBus, broker: RealKafka, topic: str
) -> None:
    await kafka.declare([Topic(topic, partitions=1)])
    following = await kafka.follow({TopicPartition(topic, 0): 0})
    assert await following.getmany(7, 0.1) == []
    broker.kill()
    async with asyncio.timeout(PATIENCE_SECONDS):
        with pytest.raises(BusUnavailable):
            await following.getmany(7, PATIENCE_SECONDS)


async def test_a_frozen_broker_is_said_within_the_limit_and_the_bus_goes_on(
    kafka: KafkaBus, broker: RealKafka, topic: str
) -> None:
    await kafka.declare([Topic(topic)])
    await kafka.publish([record(topic, key, "0") for key in KEYS])
    clock = asyncio.get_running_loop().time
    broker.freeze()
    try:
        for _ in range(2):
            began = clock()
            with pytest.raises(BusUnavailable):
                await kafka.publish([record(topic, key, "1") for key in KEYS])
            assert clock() - began < PUBLISH_SECONDS + 1
        assert await kafka.healthy() is not None
    finally:
        broker.thaw()
    await kafka.publish([record(topic, key, "1") for key in KEYS])
    await kafka.publish([record(topic, key, "2") for key in KEYS])

    received = await read_everything(kafka, topic)
    for key in KEYS:
        assert first_appearances(received, key) == [0, 1, 2]


async def test_a_request_that_is_sent_again_stands_in_the_log_once(
    kafka: KafkaBus, broker: RealKafka, topic: str
) -> None:
    """The broker takes the first one when it wakes, after the producer has given up waiting for the answer."""
    await kafka.declare([Topic(topic, partitions=1)])
    await kafka.publish([record(topic, "case", "0")])
    broker.freeze()
    publishing = asyncio.create_task(kafka.publish([record(topic, "case", "1")]))
    await asyncio.sleep(PUBLISH_SECONDS * 0.75)
    broker.thaw()
    await publishing
    await kafka.publish([record(topic, "case", "2")])

    assert values(await read_everything(kafka, topic)) == ["0", "1", "2"]


async def test_a_bus_can_be_stopped_while_the_broker_is_frozen(broker: RealKafka, topic: str) -> None:
    bus = KafkaBus(broker.bootstrap, publish_seconds=1, answer_seconds=1, heartbeat_seconds=0.1)
    await bus.start()
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, "case", "x")])
    member = bus.subscribe(f"shelter.{topic}", [topic])
    await member.start()
    await read(member, 1)
    broker.freeze()
    try:
        publishing = asyncio.create_task(bus.publish([record(topic, "case", "y")]))
        await asyncio.sleep(0)
        async with asyncio.timeout(15):
            await bus.stop()
            with pytest.raises(BusUnavailable):
                await publishing
    finally:
        broker.thaw()


async def test_a_bus_without_a_broker_does_not_start(tmp_path: Path) -> None:
    bus = KafkaBus("127.0.0.1:9", answer_seconds=1)
    with pytest.raises(BusUnavailable):
        await bus.start()
    assert await bus.healthy() == "the Kafka bus is not started"
    await bus.stop()


async def test_a_commit_of_what_went_to_another_member_is_dropped_quietly(kafka: KafkaBus, topic: str) -> None:
    group = f"shelter.{topic}"
    await kafka.declare([Topic(topic)])
    await kafka.publish([record(topic, f"case-{n}", str(n)) for n in range(80)])
    old, new = kafka.subscribe(group, [topic]), kafka.subscribe(group, [topic])
    await old.start()
    stale = await read(old, 80)
    await new.start()
    (lost, *_) = await read(new, 1)
    await new.commit({lost.place: 5})
    before = await kafka.lag(group, [topic])

    await old.commit({lost.place: 1})
    assert await kafka.lag(group, [topic]) == before
    await old.stop()
    await commit(old, stale)
    assert await kafka.lag(group, [topic]) == before


async def test_keys_have_the_partitions_of_the_embedded_bus(kafka: KafkaBus, topic: str, tmp_path: Path) -> None:
    embedded = EmbeddedBus(tmp_path / "bus.sqlite")
    await embedded.start()
    places = []
    for bus in (kafka, embedded):
        await bus.declare([Topic(topic, partitions=7)])
        await bus.publish([record(topic, f"Kasus № {n}", "x") for n in range(200)])
        member = bus.subscribe("reader", [topic])
        await member.start()
        places.append({one.key: one.partition for one in await read(member, 200)})
    await embedded.stop()

    assert places[0] == places[1]


async def test_foreign_records_do_not_stop_a_reader(kafka: KafkaBus, broker: RealKafka, topic: str) -> None:
    await kafka.declare([Topic(topic, partitions=1)])
    foreign = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await foreign.start()
    for key, value, headers in (
        (b"case", None, []),
        (b"\xff\xfe", b"no text", []),
        (None, b"no key", []),
        (b"case", b"x", [("trace", None)]),
    ):
        await foreign.send_and_wait(topic, value, key=key, headers=headers)
    await foreign.stop()

    received = await read_everything(kafka, topic)

    assert [(one.key, one.value, one.headers) for one in received] == [
        ("case", b"", ()),
        (None, b"no text", ()),
        (None, b"no key", ()),
        ("case", b"x", (("trace", b""),)),
    ]


async def test_no_log_line_carries_a_key_or_a_value(
    broker: RealKafka, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Although aiokafka was told to log everything."""
    caplog.set_level(logging.DEBUG, "aiokafka")
    broker.start()
    bus = KafkaBus(broker.bootstrap, heartbeat_seconds=0.1)
    await bus.start()
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, "secret-key", "secret-value")])
    assert values(await read_everything(bus, topic)) == ["secret-value"]
    await bus.stop()

    assert caplog.records, "nothing was logged at all"
    assert "secret" not in caplog.text


async def test_topics_have_what_was_declared_and_no_others_come(kafka: KafkaBus, broker: RealKafka, topic: str) -> None:
    await kafka.declare([Topic(topic), Topic(f"{topic}.iom", retention_days=30, log_append_time=True)])
    with pytest.raises(UnknownTopic):
        await kafka.publish([record(f"{topic}.typo", "case", "x")])
    with pytest.raises(UnknownTopic):
        await kafka.lag("reader", [f"{topic}.typo"])

    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await admin.start()
    names = await admin.list_topics()
    found = {}
    for name in (topic, f"{topic}.iom"):
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        found[name] = {entry[0]: entry[1] for entry in answer.resources[0][4]}
    await admin.close()
    assert f"{topic}.typo" not in names
    assert (found[topic]["retention.ms"], found[topic]["message.timestamp.type"]) == ("-1", "CreateTime")
    agency = found[f"{topic}.iom"]
    assert (agency["retention.ms"], agency["message.timestamp.type"]) == (str(30 * 86_400_000), "LogAppendTime")


async def test_a_record_that_is_too_large_is_refused_and_nothing_of_its_call_is_sent(
    kafka: KafkaBus, topic: str
) -> None:
    await kafka.declare([Topic(topic, partitions=1)])
    with pytest.raises(ValueError, match="larger"):
        await kafka.publish([record(topic, "case", "0"), record(topic, "case", "x" * 5_000_000)])
    await kafka.publish([record(topic, "case", "x" * 4_000_000)])

    assert [len(one.value) for one in await read_everything(kafka, topic)] == [4_000_000]
