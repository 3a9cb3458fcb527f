"""What a record carries comes out as it went in."""

import os
import time

import pytest

from shared.bus.protocol import Bus, Record, Topic
from tests.contract.bus.backends import Backend
from tests.contract.bus.reading import NOW_MS, read, record


async def test_a_value_of_one_mebibyte(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=1)])
    large = [os.urandom(1024 * 1024) for _ in range(6)]
    await bus.publish([record(topic, "case", value) for value in large])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()

    assert [one.value for one in await read(member, 6)] == large


@pytest.mark.parametrize(
    ("key", "value", "headers"),
    [
        ("case", bytes(range(256)), ()),
        ("case", b"", ()),
        ("case", b"x", (("content-type", b"application/cloudevents+json; charset=UTF-8"),)),
        ("case", b"x", (("twice", b"1"), ("twice", b"2"), ("empty", b""), ("ключ", bytes(range(256))))),
        ("Peti kemas № 7 🏝", b"x", ()),
        ("", b"an empty key", ()),
        ("nul\0inside", b"\0", (("nul", b"\0"),)),
    ],
)
async def test_bytes_headers_and_keys(
    bus: Bus, bus_backend: Backend, key: str, value: bytes, headers: tuple[tuple[str, bytes], ...]
) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=1)])
    await bus.publish([Record(topic, key, value, NOW_MS, headers)])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    (received,) = await read(member, 1)

    assert (received.topic, received.partition, received.offset) == (topic, 0, 0)
    assert (received.key, received.value, received.headers) == (key, value, headers)


async def test_a_record_keeps_its_time(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=1)])
    times = [0, NOW_MS, 1_600_000_000_001]
    await bus.publish([record(topic, "case", "x", time_ms) for time_ms in times])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()

    assert [one.timestamp_ms for one in await read(member, 3)] == times


async def test_a_topic_with_append_time_stamps_records_itself(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("agency.iom")
    await bus.declare([Topic(topic, partitions=1, log_append_time=True)])
    before_ms = time.time_ns() // 1_000_000
    await bus.publish([record(topic, "case", "history", 1_600_000_000_000)])
    after_ms = time.time_ns() // 1_000_000

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    (received,) = await read(member, 1)

    assert before_ms <= received.timestamp_ms <= after_ms


async def test_a_key_without_a_utf8_form_is_refused_and_its_neighbours_are_not(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])
    with pytest.raises(ValueError, match="surrogates"):
        await bus.publish([record(topic, "\ud800", "x")])
    await bus.publish([record(topic, "case", "after")])

    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()

    assert [one.value for one in await read(member, 1)] == [b"after"]
