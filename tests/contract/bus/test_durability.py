"""What was acknowledged stays, whatever happens to the process."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

from shared.bus.protocol import Bus, Received, Topic
from tests.contract.bus.backends import Backend, Feature
from tests.contract.bus.reading import PATIENCE_SECONDS, commit, read, record, values

ROOT = Path(__file__).parents[3]


async def start_process(story: str, backend: Backend, topic: str) -> Process:
    program = "tests.contract.bus.processes"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", program, story, backend.address, topic, stdout=PIPE, cwd=ROOT
    )


async def test_records_and_positions_survive_a_reopening(bus: Bus, bus_backend: Backend) -> None:
    bus_backend.require(Feature.REOPEN)
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(100)])
    member = bus.subscribe(group, [topic])
    await member.start()
    received = await read(member, 100)
    await commit(member, received[:60])
    await bus.stop()

    again = await bus_backend.open()
    left = await again.lag(group, [topic])
    await again.publish([record(topic, "case-1", "after")])
    heir = again.subscribe(group, [topic])
    await heir.start()
    rest = await read(heir, left + 1)

    assert left == 40
    assert sorted(values(rest)) == sorted([*values(received[60:]), "after"])
    everything = again.subscribe(bus_backend.name("aid"), [topic])
    await everything.start()
    assert len(await read(everything, 101)) == 101


async def test_many_publish_at_once(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic)])

    async def publisher(number: int) -> None:
        for count in range(20):
            await bus.publish([record(topic, f"case-{number}", f"{count}.{part}") for part in range(3)])

    await asyncio.gather(*(publisher(number) for number in range(60)))
    member = bus.subscribe(bus_backend.name("aid"), [topic])
    await member.start()
    received = await read(member, 60 * 60)

    assert len(received) == 60 * 60
    for number in range(60):
        expected = [f"{count}.{part}" for count in range(20) for part in range(3)]
        assert values(received, f"case-{number}") == expected


async def test_a_cancelled_publisher_harms_nobody(bus: Bus, bus_backend: Backend) -> None:
    topic = bus_backend.name("lifecycle")
    await bus.declare([Topic(topic, partitions=1)])
    member = bus.subscribe(bus_backend.name("aid"), [topic])
    await member.start()
    for n in range(30):
        doomed = asyncio.create_task(bus.publish([record(topic, "case", f"doomed {n}")]))
        await asyncio.sleep(0)
        doomed.cancel()
        await asyncio.gather(doomed, return_exceptions=True)
        await bus.publish([record(topic, "case", str(n))])

    received: list[Received] = []
    while "29" not in values(received):
        received += await read(member, 1)
    assert [value for value in values(received) if "doomed" not in value] == [str(n) for n in range(30)]
    assert [one.offset for one in received] == list(range(len(received)))


async def test_a_killed_process_loses_nothing_that_it_was_told_is_durable(bus_backend: Backend) -> None:
    bus_backend.require(Feature.OTHER_PROCESS)
    topic = bus_backend.name("lifecycle")
    acknowledged: dict[str, int] = {}
    for lines_before_the_kill in (0, 3, 200, 777):
        process = await start_process("publish", bus_backend, topic)
        assert process.stdout is not None
        lines = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(lines_before_the_kill):
                lines.append(await process.stdout.readline())
            process.kill()
            lines += (await process.stdout.read()).splitlines(keepends=True)
            await process.wait()
        for line in lines:
            if line.endswith(b"\n"):
                key, count = line.decode().split()
                acknowledged[key] = int(count)

    bus = await bus_backend.open()
    await bus.declare([Topic(topic)])
    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, await bus.lag(bus_backend.name("reader"), [topic]))

    assert sum(acknowledged.values()) > 980
    for key, told in acknowledged.items():
        stored = values(received, key)
        assert len(stored) >= told
        assert stored == [str(n) for n in range(len(stored))]


async def test_a_full_disk_is_said_and_passes(bus_backend: Backend) -> None:
    bus_backend.require(Feature.LOCAL_DISK)
    topic = bus_backend.name("lifecycle")
    process = await start_process("fill", bus_backend, topic)
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, _ = await process.communicate()
    said = dict(line.split() for line in out.decode().splitlines())

    assert process.returncode == 0, os.linesep.join(said)
    assert said["neighbours"] == "['NoneType','BusUnavailable','NoneType','NoneType']"
    assert int(said["full"]) > 0
    assert said["refused"] == "5"
    assert (said["sick"], said["readable"], said["well"]) == ("True", "True", "True")
    bus = await bus_backend.open()
    member = bus.subscribe(bus_backend.name("reader"), [topic])
    await member.start()
    received = await read(member, await bus.lag(bus_backend.name("reader"), [topic]))
    numbers = [int(value) for value in values(received, "case")]
    assert numbers == list(range(int(said["durable"])))
    assert values(received, "neighbour") == ["1", "2"]
