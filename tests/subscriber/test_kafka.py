"""Over a real Kafka, with the feed behind it: late starts, topics made anew, what retention has dropped."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from pulang.subscriber import Event, Feed, Kafka, subscriber
from pulang.subscriber import kafka as way
from pulang.subscriber.order import request_of
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Record, Topic, UnknownTopic
from shared.events.envelope import STRUCTURED
from tests.real.kafka import RealKafka, running_kafka
from tests.subscriber.copying import Copy
from tests.subscriber.example import content, kill, start, to_the_end
from tests.subscriber.standin import TOKEN, Exchange
from tests.subscriber.telling import Telling

AGENCY = "iom"
TOPIC = way.agency_topic(AGENCY)
IDLE_SECONDS = 1.0
KILLS = 10
CASE = "00000000-0000-0000-0000-000000000001"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> RealKafka:
    return running_kafka(tmp_path_factory.getbasetemp())


@pytest.fixture
async def admin(broker: RealKafka) -> AsyncIterator[AIOKafkaAdminClient]:
    one = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap)
    await one.start()
    yield one
    await one.close()


@pytest.fixture
async def bus(broker: RealKafka, admin: AIOKafkaAdminClient) -> AsyncIterator[KafkaBus]:
    """With an empty topic of the agency."""
    one = KafkaBus(broker.bootstrap)
    await one.start()
    await make_anew(one, admin)
    yield one
    await one.stop()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(subscriber, "FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(subscriber, "LONGEST_PAUSE_SECONDS", 0.2)
    return


async def make_anew(bus: KafkaBus, admin: AIOKafkaAdminClient) -> None:
    if TOPIC in await admin.list_topics():
        await admin.delete_topics([TOPIC])
        while TOPIC in await admin.list_topics():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    async with asyncio.timeout(30):
        while True:
            try:
                await bus.declare([Topic(TOPIC, partitions=3, retention_days=30, log_append_time=True)])
                await bus.extents(TOPIC)
                return
            except UnknownTopic:
                await asyncio.sleep(0.05)


async def publish(bus: KafkaBus, events: Iterable[Event]) -> None:
    await bus.publish([Record(TOPIC, event.subject, event.to_bytes(), 0, STRUCTURED) for event in events])


def over_kafka(broker: RealKafka, exchange: Exchange) -> Kafka:
    return Kafka(AGENCY, broker.bootstrap, Feed(exchange.url, TOKEN, page=20))


async def follow(copy: Copy, source: Kafka) -> subscriber.Report:
    async with asyncio.timeout(60):
        return await copy.subscriber(source).follow(until_idle=IDLE_SECONDS)


async def at_once(exchange: Exchange) -> Copy:
    whole = Copy()
    await whole.subscriber(Feed(exchange.url, TOKEN)).follow(until_idle=0)
    return whole


class Sent:
    """How much of a telling stands in the topic."""

    def __init__(self, bus: KafkaBus, telling: Telling) -> None:
        self._bus, self._telling, self._count = bus, telling, 0

    async def rest(self) -> Sequence[Event]:
        some = self._telling.topic[self._count :]
        self._count = len(self._telling.topic)
        await publish(self._bus, some)
        return some

    def skip(self) -> None:
        """As if retention had dropped it."""
        self._count = len(self._telling.topic)


async def test_who_comes_late_has_the_history_from_the_feed_and_the_rest_from_the_topic(
    bus: KafkaBus, broker: RealKafka, exchange: Exchange, copy: Copy
) -> None:
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    telling.play(80, 1)
    sent.skip()
    telling.play(80, 2)
    await sent.rest()
    report = await follow(copy, over_kafka(broker, exchange))
    assert copy.held == (await at_once(exchange)).held
    assert report.dropped == 0, "what the topic held before is not read: the feed has told it"

    asked = len(exchange.asked)
    telling.play(60, 3)
    some = await sent.rest()
    report = await follow(copy, over_kafka(broker, exchange))
    assert report.taken + report.dropped == len(some)
    assert len(exchange.asked) == asked, "it goes on in the topic"
    assert copy.held == (await at_once(exchange)).held
    assert copy.owed == []
    assert set(exchange.acknowledged) >= {e.id for e in some if e.id in telling.requests()}


async def test_what_comes_to_the_topic_during_the_back_fill_counts_once(
    bus: KafkaBus, broker: RealKafka, exchange: Exchange, copy: Copy
) -> None:
    """The worst order: it happens when the ends were noted, and both ways tell it."""
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    telling.play(60, 4)
    await sent.rest()
    source = over_kafka(broker, exchange)
    ends = source._take_ends

    async def then_things_happen() -> way.Offsets:
        taken = await ends()
        telling.play(60, 5)
        await sent.rest()
        return taken

    source._take_ends = then_things_happen  # type: ignore[method-assign]
    report = await follow(copy, source)
    assert report.dropped > 0
    assert copy.held == (await at_once(exchange)).held


async def test_a_case_that_was_withdrawn_and_one_that_was_erased_are_deleted(
    bus: KafkaBus, broker: RealKafka, exchange: Exchange, copy: Copy
) -> None:
    other = CASE.replace("1", "2")
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    for case in (CASE, other):
        telling.happens(case, "/pulang/intake")
        telling.decide(case, "identified")
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    assert set(copy.held) == {CASE, other}
    telling.decide(CASE, "none")
    telling.erase(other)
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    assert copy.held == {}
    assert set(exchange.acknowledged) == telling.requests()


@pytest.mark.parametrize("more", [0, 400], ids=["shorter", "longer than what was read"])
async def test_a_topic_made_anew_is_noticed_and_nothing_is_lost_or_doubled(
    bus: KafkaBus, admin: AIOKafkaAdminClient, broker: RealKafka, exchange: Exchange, copy: Copy, more: int
) -> None:
    """What happened while nobody read stands at its beginning, behind the offsets of before."""
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    telling.happens(CASE, "/pulang/intake")
    telling.decide(CASE, "identified")
    telling.play(60, 6)
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    before = await bus.extents(TOPIC)

    telling.decide(CASE, "none")
    telling.play(more, 7)
    await make_anew(bus, admin)
    telling.topic = telling.told()
    sent.skip()
    await publish(bus, telling.topic)
    if more:
        after = await bus.extents(TOPIC)
        assert all(after[place].stop > extent.stop for place, extent in before.items() if extent)
    await follow(copy, over_kafka(broker, exchange))
    assert copy.held == (await at_once(exchange)).held
    assert copy.owed == []
    assert {event.id for event in telling.told() if request_of(event)} <= set(exchange.acknowledged)

    telling.play(20, 8)
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    assert copy.held == (await at_once(exchange)).held


async def test_a_topic_made_anew_under_a_reader_is_noticed(
    bus: KafkaBus,
    admin: AIOKafkaAdminClient,
    broker: RealKafka,
    exchange: Exchange,
    copy: Copy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(way, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(subscriber, "WAIT_SECONDS", 0.2)
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    telling.play(60, 9)
    await sent.rest()
    following = copy.subscriber(over_kafka(broker, exchange))
    task = asyncio.create_task(following.follow())
    async with asyncio.timeout(60):
        while copy.held != (await at_once(exchange)).held:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        telling.play(300, 10)
        await make_anew(bus, admin)
        telling.topic = telling.told()
        await publish(bus, telling.topic)
        while copy.held != (await at_once(exchange)).held or copy.owed:
            assert not task.done()
            await asyncio.sleep(0.1)
    following.stop()
    await task


async def test_what_retention_has_dropped_unread_comes_from_the_feed(
    bus: KafkaBus, admin: AIOKafkaAdminClient, broker: RealKafka, exchange: Exchange, copy: Copy
) -> None:
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    telling.happens(CASE, "/pulang/intake")
    telling.decide(CASE, "identified")
    telling.play(60, 11)
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    assert CASE in copy.held
    telling.decide(CASE, "none")
    withdrawal = telling.log[-1]
    telling.play(40, 12)
    await sent.rest()
    ends = await bus.extents(TOPIC)
    await admin.delete_records(
        {TopicPartition(TOPIC, place.partition): RecordsToDelete(extent.stop) for place, extent in ends.items()}
    )
    telling.play(20, 13)
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    assert copy.held == (await at_once(exchange)).held
    assert withdrawal.id in exchange.acknowledged


async def test_what_is_no_event_is_said_and_looked_up(
    bus: KafkaBus, broker: RealKafka, exchange: Exchange, copy: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    telling.happens(CASE, "/pulang/intake")
    telling.decide(CASE, "identified")
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    telling.decide(CASE, "none")
    await bus.publish([Record(TOPIC, CASE, b"\xff what was the request to delete", 0)])
    sent.skip()
    with caplog.at_level(logging.WARNING):
        await follow(copy, over_kafka(broker, exchange))
    assert copy.held == {}
    assert exchange.acknowledged == [telling.log[-1].id]
    assert "not JSON" in caplog.text
    asked = len(exchange.asked)
    await follow(copy, over_kafka(broker, exchange))
    assert len(exchange.asked) == asked, "once"


async def test_what_is_missing_in_the_topic_is_looked_up(
    bus: KafkaBus, broker: RealKafka, exchange: Exchange, copy: Copy
) -> None:
    telling, sent = exchange.telling, Sent(bus, exchange.telling)
    telling.happens(CASE, "/pulang/intake")
    telling.decide(CASE, "identified")
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    telling.happens(CASE, "/pulang/aid")
    sent.skip()
    telling.happens(CASE, "/pulang/aid")
    await sent.rest()
    await follow(copy, over_kafka(broker, exchange))
    assert len(copy.held[CASE]) == 4
    assert exchange.asked[-1]["subject"] == CASE


async def test_killed_at_any_moment_the_copy_ends_as_one_made_in_one_go(
    bus: KafkaBus, broker: RealKafka, exchange: Exchange, tmp_path: Path
) -> None:
    """The example, over Kafka: killed during its back-fill, and in the topic."""
    telling, sent, dice = exchange.telling, Sent(bus, exchange.telling), random.Random(14)  # noqa: S311
    file, over = tmp_path / "copy.db", ("--kafka", AGENCY)
    telling.play(400, 15, cases=40)
    await sent.rest()
    for number in range(KILLS):
        process = start(file, exchange.url, TOKEN, *over, "--page", 20, KAFKA_BOOTSTRAP=broker.bootstrap)
        for _ in range(dice.randint(5, 20)):
            with exchange.lock:
                telling.play(5, 100 * number + _, cases=40)
            await sent.rest()
            await asyncio.sleep(dice.random() * 0.15)
        kill(process)
        _, err = await asyncio.to_thread(process.communicate)
        assert process.returncode == -9, err
    await asyncio.to_thread(to_the_end, file, exchange.url, TOKEN, *over, KAFKA_BOOTSTRAP=broker.bootstrap)
    acknowledged = set(exchange.acknowledged)
    other = tmp_path / "at-once.db"
    await asyncio.to_thread(to_the_end, other, exchange.url, TOKEN)
    assert content(file, "subject", "owed") == content(other, "subject", "owed")
    assert len(content(file)["history"]) > 100
    assert {event.id for event in telling.told() if request_of(event)} <= acknowledged <= telling.requests()


async def test_a_kafka_that_does_not_answer_is_waited_for(
    exchange: Exchange, copy: Copy, caplog: pytest.LogCaptureFixture
) -> None:
    following = copy.subscriber(Kafka(AGENCY, "127.0.0.1:1", Feed(exchange.url, TOKEN)))
    task = asyncio.create_task(following.follow())
    while caplog.text.count("tried again") < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    following.stop()
    await task


def test_what_cannot_be_meant_is_refused(exchange: Exchange, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without types"):
        Kafka(AGENCY, "127.0.0.1:1", Feed(exchange.url, TOKEN, types=["pulang.case.closed.v1"]))
    with pytest.raises(ValueError, match="no agency"):
        Kafka("IOM!", "127.0.0.1:1", Feed(exchange.url, TOKEN))
