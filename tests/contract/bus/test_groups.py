"""Consumer groups: everyone sees everything, each group once, from where it left off."""

from shared.bus.protocol import Bus, Topic
from tests.contract.bus.backends import Backend
from tests.contract.bus.reading import commit, read, record, values


async def test_each_group_sees_everything(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(100)])

    for group in ("shelter", "aid"):
        member = bus.subscribe(bus_backend.name(group), [topic])
        await member.start()
        assert sorted(values(await read(member, 100)), key=int) == [str(n) for n in range(100)]


async def test_a_member_reads_all_its_topics(bus: Bus, bus_backend: Backend) -> None:
    lifecycle, operations = bus_backend.name("lifecycle"), bus_backend.name("operations")
    await bus.declare([Topic(lifecycle), Topic(operations, partitions=2)])
    member = bus.subscribe(bus_backend.name("exchange"), [lifecycle, operations])
    await member.start()
    await bus.publish([record(lifecycle, "case", "screened"), record(operations, "store", "stock low")])

    received = await read(member, 2)

    assert {(one.topic, one.value) for one in received} == {
        (lifecycle, b"screened"),
        (operations, b"stock low"),
    }


async def test_a_group_goes_on_where_it_committed(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic, partitions=1)])
    await bus.publish([record(topic, "case", str(n)) for n in range(10)])
    first = bus.subscribe(group, [topic])
    await first.start()
    received = await read(first, 10)
    await commit(first, received[:4])
    await first.stop()

    second = bus.subscribe(group, [topic])
    await second.start()

    assert values(await read(second, 6)) == ["4", "5", "6", "7", "8", "9"]


async def test_what_was_not_committed_comes_again(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(50)])
    for _ in range(2):
        member = bus.subscribe(group, [topic])
        await member.start()
        assert len(await read(member, 50)) == 50
        await member.stop()
        await member.stop()


async def test_a_position_beyond_the_end_counts_as_none(bus: Bus, bus_backend: Backend) -> None:
    """As in a bus that was rebuilt from the event logs: groups read it from the first record."""
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic, partitions=1)])
    await bus.publish([record(topic, "case", str(n)) for n in range(3)])
    member = bus.subscribe(group, [topic])
    await member.start()
    (place,) = {one.place for one in await read(member, 3)}
    await member.commit({place: 1000})
    await member.stop()

    again = bus.subscribe(group, [topic])
    await again.start()

    assert values(await read(again, 3)) == ["0", "1", "2"]


async def test_lag_counts_what_is_not_committed(bus: Bus, bus_backend: Backend) -> None:
    topic, other, group = bus_backend.name("lifecycle"), bus_backend.name("other"), bus_backend.name("aid")
    await bus.declare([Topic(topic), Topic(other)])
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(30)])
    await bus.publish([record(other, f"case-{n}", str(n)) for n in range(5)])
    assert await bus.lag(group, [topic, other]) == 35

    member = bus.subscribe(group, [topic])
    await member.start()
    received = await read(member, 30)
    assert await bus.lag(group, [topic]) == 30

    await commit(member, received)
    assert await bus.lag(group, [topic]) == 0
    assert await bus.lag(group, [topic, other]) == 5
    await bus.publish([record(topic, "case-1", "one more")])
    assert await bus.lag(group, [topic]) == 1
