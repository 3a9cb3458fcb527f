"""How the stories of this suite publish and read."""

import asyncio
from collections.abc import Sequence

from shared.bus.protocol import Bus, BusUnavailable, Received, Record, Subscription, TopicPartition

PATIENCE_SECONDS = 30
NOW_MS = 1_790_000_000_000


def record(topic: str, key: str, value: bytes | str, timestamp_ms: int = NOW_MS) -> Record:
    return Record(topic, key, value.encode() if isinstance(value, str) else value, timestamp_ms)


class Case:
    """One key, published one by one; what was not acknowledged is published again, as a relay does."""

    def __init__(self, bus: Bus, topic: str, key: str) -> None:
        self._bus, self._topic, self._key = bus, topic, key
        self.acknowledged = 0
        self.failures = 0
        self.stopping = False

    async def run(self) -> None:
        while not self.stopping:
            try:
                numbers = range(self.acknowledged, self.acknowledged + 3)
                await self._bus.publish([record(self._topic, self._key, str(n)) for n in numbers])
                self.acknowledged += 3
            except BusUnavailable:
                self.failures += 1
                await asyncio.sleep(0.05)


async def read(member: Subscription, count: int, most: int = 500) -> list[Received]:
    """Reads until `count` records have come; fails when they don't."""
    received: list[Received] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(received) < count:
            received += await member.getmany(most, 1.0)
    return received


async def commit(member: Subscription, received: Sequence[Received]) -> None:
    """Commits past everything received."""
    positions: dict[TopicPartition, int] = {}
    for one in received:
        positions[one.place] = max(one.offset + 1, positions.get(one.place, 0))
    await member.commit(positions)


def values(received: Sequence[Received], key: str | None = None) -> list[str]:
    return [one.value.decode() for one in received if key is None or one.key == key]
