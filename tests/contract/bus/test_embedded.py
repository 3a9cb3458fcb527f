"""What only the embedded bus promises."""

import asyncio
import sqlite3
import tracemalloc
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import BusUnavailable, Topic
from tests.contract.bus.reading import read, record, values


async def test_another_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    text, database = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_text("not a database, but rather long " * 100)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE cases (id)")
    connection.close()
    before = text.read_bytes(), database.read_bytes()

    for path in (text, database, tmp_path):
        bus = EmbeddedBus(path)
        with pytest.raises(BusUnavailable, match="cannot be opened"):
            await bus.start()
        assert await bus.healthy() == "the embedded bus is not started"
        with pytest.raises(BusUnavailable):
            await bus.publish([record("lifecycle", "case", "x")])

    assert (text.read_bytes(), database.read_bytes()) == before


async def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "deep" / "bus.sqlite")
    await bus.start()
    await bus.declare([Topic("lifecycle")])
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "deep").iterdir()}
    await bus.stop()
    assert modes == {0o600}


async def test_memory_is_bounded_and_who_is_behind_reads_the_file(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.sqlite", latest_bytes=1024 * 1024)
    await bus.start()
    await bus.declare([Topic("lifecycle"), Topic("operations", partitions=1)])
    live, late = bus.subscribe("live", ["lifecycle"]), bus.subscribe("late", ["lifecycle"])
    await live.start()
    tracemalloc.start()
    for n in range(300):
        value = str(n).encode() * 20_000
        await bus.publish([record("lifecycle", f"case-{n}", value), record("operations", "store", "x" * 9000)])
        assert [one.value for one in await read(live, 1)] == [value]
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    await late.start()
    received = await read(late, 300)
    await bus.stop()

    assert held_bytes < 3 * 1024 * 1024
    assert {one.key: one.value for one in received} == {f"case-{n}": str(n).encode() * 20_000 for n in range(300)}


async def test_a_topic_that_is_declared_after_its_readers_came_reaches_them(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.sqlite")
    await bus.start()
    member = bus.subscribe("early", ["lifecycle"])
    await member.start()
    waiting = asyncio.create_task(member.getmany(10, 30))
    await asyncio.sleep(0)
    await bus.declare([Topic("lifecycle")])
    await bus.publish([record("lifecycle", "case", "registered")])

    assert values(await waiting) == ["registered"]
    await bus.stop()


async def test_a_commit_under_way_is_written_before_the_partition_moves(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.sqlite")
    await bus.start()
    await bus.declare([Topic("lifecycle", partitions=1)])
    await bus.publish([record("lifecycle", "case", str(n)) for n in range(10)])
    commits: list[asyncio.Task[None]] = []

    async def revoking() -> None:
        commits.append(asyncio.create_task(old.commit({in_hand[0].place: 7})))
        await asyncio.sleep(0)

    old, new = bus.subscribe("aid", ["lifecycle"], revoking), bus.subscribe("aid", ["lifecycle"])
    await old.start()
    in_hand = await read(old, 10)
    await new.start()
    await old.stop()

    assert values(await read(new, 1)) == ["7", "8", "9"]
    await asyncio.gather(*commits)
    await bus.stop()


async def test_stop_waits_for_the_batches_and_for_what_is_being_published(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.sqlite")
    await bus.start()
    await bus.declare([Topic("lifecycle", partitions=1)])
    steps: list[str] = []

    async def revoking() -> None:
        await asyncio.sleep(0.01)
        await member.commit({in_hand[0].place: 1})
        steps.append("batch over")

    member = bus.subscribe("shelter", ["lifecycle"], revoking)
    await member.start()
    publishing = [asyncio.create_task(bus.publish([record("lifecycle", "case", str(n))])) for n in range(50)]
    in_hand = await read(member, 1, most=1)
    await bus.stop()
    steps.append("stopped")
    await asyncio.gather(*publishing)

    again = EmbeddedBus(tmp_path / "bus.sqlite")
    await again.start()
    assert steps == ["batch over", "stopped"]
    assert await again.lag("shelter", ["lifecycle"]) == 49
    await again.stop()
