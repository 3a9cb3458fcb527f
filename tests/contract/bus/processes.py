"""Other processes for this suite: `python processes.py publish|fill ADDRESS TOPIC`. What is durable is said on
standard output, a line each."""

import asyncio
import os
import resource
import sys

from shared.bus.protocol import Bus, BusUnavailable, Topic, TopicPartition
from tests.contract.bus.backends import open_bus
from tests.contract.bus.reading import record

PUBLISHERS = 8


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def publish_for_ever(bus: Bus, topic: str) -> None:
    """Several publishers, each with a key of its own, each counting; until the process is killed."""

    async def publisher(number: int) -> None:
        key = f"{os.getpid()}-{number}"
        count = 0
        while True:
            size = 1 + count % 7
            await bus.publish([record(topic, key, f"{n}") for n in range(count, count + size)])
            count += size
            say(f"{key} {count}")

    await asyncio.gather(*(publisher(number) for number in range(PUBLISHERS)))


async def fill(bus: Bus, topic: str) -> None:
    """Publishes until no file may grow any more, then again when files may."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 1024 * 1024, hard))
    member = bus.subscribe("while-full", [topic])
    await member.start()
    neighbours = await asyncio.gather(
        bus.publish([record(topic, "neighbour", "1")]),
        bus.publish([record(topic, "too large", "x" * 3_000_000)]),
        member.commit({TopicPartition(topic, number): 1 for number in range(4)}),
        bus.publish([record(topic, "neighbour", "2")]),
        return_exceptions=True,
    )
    say(f"neighbours {[type(one).__name__ for one in neighbours]}".replace(", ", ","))
    durable = 0
    try:
        while True:
            await bus.publish([record(topic, "case", f"{durable:<100000}")])
            durable += 1
    except BusUnavailable:
        say(f"full {durable}")
    small = await asyncio.gather(
        *(bus.publish([record(topic, f"other-{n}", "x" * 200_000)]) for n in range(5)), return_exceptions=True
    )
    say(f"refused {sum(isinstance(one, BusUnavailable) for one in small)}")
    say(f"sick {await bus.healthy() is not None}")
    say(f"readable {len(await member.getmany(1000, 5)) > 0}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    say(f"well {await bus.healthy() is None}")
    for _ in range(20):
        await bus.publish([record(topic, "case", f"{durable:<100000}")])
        durable += 1
    say(f"durable {durable}")
    os._exit(0)  # as if killed: what was said to be durable has to be so already


async def main(story: str, address: str, topic: str) -> None:
    bus = open_bus(address)
    await bus.start()
    await bus.declare([Topic(topic, partitions=4)])
    if story == "publish":
        await publish_for_ever(bus, topic)
    else:
        await fill(bus, topic)
    await bus.stop()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
