"""A reader waits without asking again and again, and nobody is forgotten."""

import asyncio

import pytest

from shared.bus.protocol import Bus, BusUnavailable, Topic
from tests.contract.bus.backends import Backend
from tests.contract.bus.reading import PATIENCE_SECONDS, commit, read, record, values


async def test_a_waiting_reader_is_woken_by_a_publish(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    member = bus.subscribe(bus_backend.name("shelter"), [topic])
    await member.start()
    await bus.publish([record(topic, "case", "first")])
    await read(member, 1)

    clock = asyncio.get_running_loop().time
    waits = []
    for n in range(20):
        waiting = asyncio.create_task(member.getmany(10, PATIENCE_SECONDS))
        await asyncio.sleep(0.005)
        await bus.publish([record(topic, f"case-{n}", str(n))])
        published = clock()
        assert values(await waiting) == [str(n)]
        waits.append(clock() - published)

    assert sorted(waits)[10] < 0.05, waits


async def test_a_reader_of_nothing_gets_nothing_when_its_time_is_over(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    member = bus.subscribe(bus_backend.name("shelter"), [topic])
    await member.start()
    clock = asyncio.get_running_loop().time

    began = clock()
    assert await member.getmany(10, 0.1) == []
    assert 0.09 <= clock() - began < 5
    assert await member.getmany(10, 0) == []


async def test_no_more_records_than_asked_for(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(100)])
    member = bus.subscribe(bus_backend.name("shelter"), [topic])
    await member.start()

    seen: set[str] = set()
    for most in (1, 2, 3, 10, 1, 83):
        received: list[str] = []
        while len(received) < most:
            some = values(await member.getmany(most - len(received), 5))
            assert 0 < len(some) <= most - len(received)
            received += some
        seen.update(received)
    assert len(seen) == 100


@pytest.mark.parametrize("most", [1, 2, 100])
async def test_a_long_partition_does_not_hold_up_a_short_one(bus: Bus, bus_backend: Backend, most: int) -> None:
    busy, quiet = bus_backend.name("lifecycle"), bus_backend.name("operations")
    await bus.declare([Topic(busy, partitions=3), Topic(quiet, partitions=1)])
    await bus.publish([record(busy, f"case-{n % 40}", "x" * 500) for n in range(3000)])
    await bus.publish([record(quiet, "store", "stock low")])
    member = bus.subscribe(bus_backend.name("aid"), [busy, quiet])
    await member.start()

    read_before = 0
    topics: set[str] = set()
    while quiet not in topics:
        some = await member.getmany(most, 5)
        topics = {one.topic for one in some}
        read_before += len(some)
    assert read_before < 2000


async def test_a_short_partition_does_not_hold_up_a_long_one(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=2)])
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(200)])
    member = bus.subscribe(bus_backend.name("aid"), [topic])
    await member.start()

    partitions = [(await member.getmany(1, 5))[0].partition for _ in range(20)]

    assert set(partitions) == {0, 1}


async def test_a_stopped_subscription_says_so(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    member = bus.subscribe(bus_backend.name("shelter"), [topic])
    await member.start()
    waiting = asyncio.create_task(member.getmany(10, PATIENCE_SECONDS))
    await asyncio.sleep(0)
    await member.stop()

    async with asyncio.timeout(5):
        with pytest.raises(BusUnavailable):
            await waiting
        with pytest.raises(BusUnavailable):
            await member.getmany(10, 1)


async def test_a_cancelled_poll_loses_nothing(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    member = bus.subscribe(bus_backend.name("shelter"), [topic])
    await member.start()
    for n in range(30):
        waiting = asyncio.create_task(member.getmany(10, PATIENCE_SECONDS))
        publishing = asyncio.create_task(bus.publish([record(topic, f"case-{n}", str(n))]))
        for _ in range(n % 5):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting, publishing])
        received = await read(member, 1) if waiting.cancelled() else waiting.result()
        assert values(received) == [str(n)]
        await commit(member, received)
    assert await bus.lag(bus_backend.name("shelter"), [topic]) == 0
