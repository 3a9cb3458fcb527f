"""How a member of a group reads and commits."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from shared.bus.embedded.group import Group, Holding, Member
from shared.bus.embedded.partition import Partition
from shared.bus.protocol import BusUnavailable, Received, TopicPartition


class Wanted(NamedTuple):
    """Offsets of a partition to be read from the file."""

    partition: Partition
    offsets: range


class EmbeddedSubscription:
    """One member of a group of the embedded bus."""

    def __init__(
        self,
        group: Group,
        topics: Sequence[str],
        revoking: Callable[[], Awaitable[None]] | None,
        read: Callable[[Sequence[Wanted]], Awaitable[list[list[Received]]]],
        write: Callable[[str, dict[Partition, int]], asyncio.Future[None]],
    ) -> None:
        """`read` reads the file, a list per wanted range; `write` makes positions durable."""
        self._group = group
        self._member = Member(frozenset(topics), revoking)
        self._read = read
        self._write = write
        self._turn = 0
        self._started = False
        self._stopped = False

    @property
    def stopped(self) -> bool:
        return self._stopped

    async def start(self) -> None:
        if self._stopped:
            raise BusUnavailable("the subscription is stopped")
        if not self._started:
            self._started = True
            self._group.join(self._member)

    async def stop(self) -> None:
        self._stopped = True
        self._member.wake()
        await self._group.leave(self._member)

    async def getmany(self, max_records: int, wait_seconds: float) -> list[Received]:
        """Nothing is awaited between the last look at the assignment and the return: a caller that takes its batch
        without awaiting in between holds it before `revoking` can be called."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        await asyncio.sleep(0)  # a reader that always finds something must not keep the loop to itself
        while True:
            if self._stopped or not self._started:
                raise BusUnavailable("the subscription is stopped" if self._stopped else "it is not started")
            ready = self._ready()
            if ready:
                if received := await self._take(ready, max_records):
                    return received
                continue
            remaining = deadline - loop.time()
            if remaining <= 0:
                return []
            await self._wait(remaining)

    async def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        held = self._member.held
        ours = {held[place].partition: position for place, position in positions.items() if place in held}
        if not ours:
            return
        written = self._write(self._group.name, ours)
        self._member.commits.add(written)
        written.add_done_callback(self._written)
        await asyncio.shield(written)

    def _written(self, written: asyncio.Future[None]) -> None:
        self._member.commits.discard(written)
        written.exception()  # seen, also where the caller was cancelled

    def _ready(self) -> list[Holding]:
        """What has records to read, beginning with another partition each time."""
        ready = [
            holding
            for holding in self._member.held.values()
            if not holding.paused and holding.position < holding.partition.end
        ]
        if len(ready) > 1:
            self._turn += 1
            turn = self._turn % len(ready)
            ready = ready[turn:] + ready[:turn]
        return ready

    async def _take(self, ready: Sequence[Holding], max_records: int) -> list[Received]:
        shares = share([holding.partition.end - holding.position for holding in ready], max_records)
        pairs = [(holding, records) for holding, records in zip(ready, shares, strict=True) if records]
        behind = [pair for pair in pairs if not pair[0].partition.in_memory(pair[0].position)]
        received = []
        if behind:
            wanted = [
                Wanted(holding.partition, range(holding.position, holding.position + records))
                for holding, records in behind
            ]
            for (holding, _), found in zip(behind, await self._read(wanted), strict=True):
                if found and self._still_ours(holding):
                    received += found
                    holding.position = found[-1].offset + 1
            pairs = [pair for pair in pairs if pair not in behind]
        # After the await, so that nothing here is out of date when the caller gets it.
        for holding, records in pairs:
            if holding.partition.in_memory(holding.position) and self._still_ours(holding):
                latest = holding.partition.slice(holding.position, records)
                received += latest
                holding.position += len(latest)
        return received

    def _still_ours(self, holding: Holding) -> bool:
        return not holding.paused and self._member.held.get(holding.partition.place) is holding

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        member = self._member
        member.woken = loop.create_future()
        timer = loop.call_later(seconds, member.wake)
        try:
            await member.woken
        finally:
            timer.cancel()
            member.woken = None


def share(available: Sequence[int], most: int) -> list[int]:
    """Divides `most` records evenly; what one cannot use goes to the others; where there is less than one each, the
    first ones get it."""
    shares = [0] * len(available)
    left = most
    rest = len(available)
    if most < rest:
        return [1] * most + [0] * (rest - most)
    for index in sorted(range(len(available)), key=available.__getitem__):
        shares[index] = min(available[index], left // rest)
        left -= shares[index]
        rest -= 1
    return shares
