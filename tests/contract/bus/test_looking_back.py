"""The log is read for no group, and a group without members is moved: what is asked of it after a restore."""

import pytest

from shared.bus.protocol import Bus, BusUnavailable, Topic, TopicPartition, UnknownTopic
from tests.contract.bus.backends import Backend
from tests.contract.bus.reading import commit, read, record, values


async def test_a_stretch_is_read_from_any_offset_and_no_group_moves(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("reader")
    await bus.declare([Topic(topic, partitions=2)])
    await bus.publish([record(topic, f"case-{n % 7}", str(n)) for n in range(60)])
    extents = await bus.extents(topic)
    assert set(extents) == {TopicPartition(topic, 0), TopicPartition(topic, 1)}
    assert sum(map(len, extents.values())) == 60

    for place, extent in extents.items():
        there = []
        while len(there) < len(extent):
            there += await bus.read(place, extent.start + len(there), 7)
        assert [one.offset for one in there] == list(extent)
        assert {one.place for one in there} == {place}
        (last, *_) = await bus.read(place, extent.stop - 1, 10)
        (first, *_) = await bus.read(place, extent.start, 1)
        assert (first, last) == (there[0], there[-1])
    assert await bus.committed(group, [topic]) == {}
    assert await bus.lag(group, [topic]) == 60


async def test_what_is_not_there_is_unknown(bus: Bus, bus_backend: Backend) -> None:
    with pytest.raises(UnknownTopic):
        await bus.extents(bus_backend.name("typo"))


async def test_a_group_goes_on_where_it_is_put(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("reader")
    await bus.declare([Topic(topic, partitions=1)])
    await bus.publish([record(topic, "case", str(n)) for n in range(10)])
    (place,) = await bus.extents(topic)
    member = bus.subscribe(group, [topic])
    await member.start()
    await commit(member, await read(member, 10))

    assert await bus.committed(group, [topic]) == {place: 10}
    with pytest.raises(BusUnavailable, match=group):
        await bus.rewind(group, {place: 4})
    await member.stop()
    await bus.rewind(group, {place: 4})

    assert await bus.committed(group, [topic]) == {place: 4}
    again = bus.subscribe(group, [topic])
    await again.start()
    assert values(await read(again, 6)) == ["4", "5", "6", "7", "8", "9"]
