"""Where a record goes, and the order in which it is read."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.bus.protocol import Bus, Topic
from tests.contract.bus.backends import Backend
from tests.contract.bus.reading import commit, read, record, values

# (key, Kafka's murmur2 of it as a positive number), from the tests of Kafka's Java client.
KAFKA_HASHES = [
    ("21", -973932308 & 0x7FFFFFFF),
    ("foobar", -790332482 & 0x7FFFFFFF),
    ("a-little-bit-long-string", -985981536 & 0x7FFFFFFF),
    ("a-little-bit-longer-string", -1486304829 & 0x7FFFFFFF),
    ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 & 0x7FFFFFFF),
    ("abc", 479470107),
    ("", 275646681),
]


async def test_records_of_a_case_are_read_in_the_order_of_publishing(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    cases = [f"case-{number}" for number in range(20)]
    for step in range(0, 30, 3):
        await bus.publish([record(topic, case, f"{n}") for n in range(step, step + 3) for case in cases])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, 600, most=37)

    for case in cases:
        assert values(received, case) == [str(n) for n in range(30)]
        assert len({one.partition for one in received if one.key == case}) == 1


async def test_offsets_count_from_zero_without_a_gap(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=3)])
    for step in range(10):
        await bus.publish([record(topic, f"case-{n}", f"{step}") for n in range(10)])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, 100)

    for partition in range(3):
        offsets = [one.offset for one in received if one.partition == partition]
        assert offsets == list(range(len(offsets)))


async def test_all_partitions_are_used(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=8)])
    await bus.publish([record(topic, f"case-{n}", "x") for n in range(400)])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, 400)

    counts = [sum(one.partition == partition for one in received) for partition in range(8)]
    assert min(counts) > 20


@pytest.mark.parametrize("partitions", [4, 45])
async def test_a_key_has_the_partition_that_kafka_gives_it(bus: Bus, bus_backend: Backend, partitions: int) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=partitions)])
    await bus.publish([record(topic, key, "x") for key, _ in KAFKA_HASHES])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, len(KAFKA_HASHES))

    assert {one.key: one.partition for one in received} == {
        key: positive % partitions for key, positive in KAFKA_HASHES
    }


keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
batches = st.lists(st.lists(st.tuples(keys, st.binary(max_size=80)), max_size=25), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=batches, most=st.integers(1, 40))
async def test_whatever_is_published_is_read_whole_and_in_order(
    bus: Bus, bus_backend: Backend, batches: list[list[tuple[str, bytes]]], most: int
) -> None:
    topic = bus_backend.name("anything")
    await bus.declare([Topic(topic, partitions=5)])
    published = [pair for batch in batches for pair in batch]
    for batch in batches:
        await bus.publish([record(topic, key, value) for key, value in batch])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, len(published), most)
    await commit(member, received)
    await member.stop()

    assert len(received) == len(published)
    for key in {key for key, _ in published}:
        assert [one.value for one in received if one.key == key] == [v for k, v in published if k == key]
