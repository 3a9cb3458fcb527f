"""How the stories of this suite publish and read."""

import asyncio
from collections.abc import Sequence

from shared.bus.protocol import Received, Record, Subscription, TopicPartition

PATIENCE_SECONDS = 30
NOW_MS = 1_790_000_000_000


def record(topic: str, key: str, value: bytes | str, timestamp_ms: int = NOW_MS) -> Record:
    return Record(topic, key, value.encode() if isinstance(value, str) else value, timestamp_ms)


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
