"""Topics are declared, once, and some forget."""

import asyncio
import time

import pytest

from shared.bus.protocol import Bus, Topic, UnknownTopic, appended
from tests.contract.bus.backends import Backend, Feature
from tests.contract.bus.reading import commit, read, record, values

DAY_MS = 24 * 60 * 60 * 1000


async def test_a_topic_that_was_never_declared_is_refused_and_neighbours_are_unharmed(
    bus: Bus, bus_backend: Backend
) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=1)])
    outcomes = await asyncio.gather(
        bus.publish([record(topic, "case", "before")]),
        bus.publish([record(topic, "case", "same call"), record(bus_backend.name("typo"), "case", "x")]),
        bus.publish([record(topic, "case", "after")]),
        return_exceptions=True,
    )

    assert outcomes[0] is None
    assert isinstance(outcomes[1], UnknownTopic)
    assert outcomes[2] is None
    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    assert values(await read(member, 2)) == ["before", "after"]


async def test_declaring_again_is_harmless(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=2), Topic(topic, partitions=2)])
    live = bus.subscribe(bus_backend.name("live"), [topic])
    await live.start()
    await bus.publish([record(topic, f"case-{n}", "old") for n in range(20)])
    await read(live, 20)
    await asyncio.gather(*(bus.declare([Topic(topic, partitions=7)]) for _ in range(5)))
    await bus.publish([record(topic, f"case-{n}", "new") for n in range(20)])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, 40)

    assert {one.partition for one in received} == {0, 1}
    for n in range(20):
        assert values(received, f"case-{n}") == ["old", "new"]
    assert set(values(await read(live, 20))) == {"new"}


async def test_a_topic_with_no_partitions_is_refused(bus: Bus, bus_backend: Backend) -> None:
    with pytest.raises(ValueError, match="0 partitions"):
        await bus.declare([Topic(bus_backend.name("lifecycle"), partitions=0)])


async def test_a_topic_tells_how_much_was_ever_written_to_it(bus: Bus, bus_backend: Backend) -> None:
    topic, other = bus_backend.name("lifecycle"), bus_backend.name("operations")
    await bus.declare([Topic(topic, partitions=3), Topic(other, partitions=1)])
    assert await appended(bus, topic) == 0

    await bus.publish([record(topic, f"case-{n}", "x") for n in range(20)] + [record(other, "place", "x")])
    await bus.publish([record(topic, "case-0", "y")])

    assert (await appended(bus, topic), await appended(bus, other)) == (21, 1)
    with pytest.raises(UnknownTopic):
        await appended(bus, bus_backend.name("typo"))


async def test_what_was_dropped_was_written_nevertheless(bus: Bus, bus_backend: Backend) -> None:
    bus_backend.require(Feature.RETENTION_NOW)
    topic = bus_backend.name("agency.iom")
    await bus.declare([Topic(topic, partitions=1, retention_days=30)])
    now_ms = time.time_ns() // 1_000_000
    for n in range(5):
        await bus.publish([record(topic, "case", f"old {n}", now_ms - 31 * DAY_MS)])
    await bus_backend.enforce_retention(bus)

    assert await bus.lag(bus_backend.name("reader"), [topic]) == 1
    assert await appended(bus, topic) == 5


async def test_publishing_nothing_is_nothing(bus: Bus) -> None:
    await bus.publish([])
    assert await bus.healthy() is None


async def test_what_is_older_than_the_retention_goes_and_offsets_stay(bus: Bus, bus_backend: Backend) -> None:
    bus_backend.require(Feature.RETENTION_NOW)
    agency, lifecycle = bus_backend.name("agency.iom"), bus_backend.name("lifecycle")
    await bus.declare([Topic(agency, partitions=1, retention_days=30), Topic(lifecycle, partitions=1)])
    now_ms = time.time_ns() // 1_000_000
    group = bus_backend.name("reader")
    early = bus.subscribe(group, [agency])
    await early.start()
    for n in range(1000):
        # One by one now and then, so that there are many batches to drop.
        if n % 3 == 0:
            await bus.publish([record(agency, "case", f"old {m}", now_ms - 31 * DAY_MS) for m in range(n, n + 3)])
    await commit(early, (await read(early, 10, most=10))[:10])
    await early.stop()
    await bus.publish([record(agency, "case", f"new {n}", now_ms - 29 * DAY_MS) for n in range(5)])
    await bus.publish([record(lifecycle, "case", f"old {n}", now_ms - 4000 * DAY_MS) for n in range(5)])
    await bus.publish([record(lifecycle, "case", "new", now_ms)])

    await bus.publish([record(agency, "case", "newest", now_ms)])
    await bus_backend.enforce_retention(bus)

    assert await bus.lag(group, [agency]) == 6
    for reader in (group, bus_backend.name("another")):
        member = bus.subscribe(reader, [agency])
        await member.start()
        received = await read(member, 6)
        assert values(received) == [*(f"new {n}" for n in range(5)), "newest"]
        assert [one.offset for one in received] == list(range(1002, 1008))
        await member.stop()
    forever = bus.subscribe(bus_backend.name("another"), [lifecycle])
    await forever.start()
    assert len(await read(forever, 6)) == 6


async def test_offsets_go_on_where_everything_was_dropped(bus: Bus, bus_backend: Backend) -> None:
    bus_backend.require(Feature.RETENTION_NOW)
    bus_backend.require(Feature.REOPEN)
    topic = bus_backend.name("agency.iom")
    await bus.declare([Topic(topic, partitions=1, retention_days=30)])
    now_ms = time.time_ns() // 1_000_000
    for n in range(5):
        await bus.publish([record(topic, "case", f"old {n}", now_ms - 31 * DAY_MS)])
    await bus_backend.enforce_retention(bus)
    await bus.stop()

    again = await bus_backend.open()
    await again.publish([record(topic, "case", "new", now_ms)])
    member = again.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, 1)
    while received[-1].value != b"new":
        received += await read(member, 1)

    assert received[-1].offset == 5
