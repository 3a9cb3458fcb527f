"""A consumer group: its members, and how partitions move between them.

A partition moves in three steps: it is **paused** (its holder is given no more of it), the holder's `revoking` and its
commits under way are awaited, and only then it is granted to the next member, from the committed position.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog

from shared.bus.embedded.assignment import assign
from shared.bus.embedded.partition import DeclaredTopic, Partition
from shared.bus.protocol import TopicPartition

_log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Holding:
    """A partition in the hands of a member, which has been given everything before `position`."""

    partition: Partition
    position: int
    paused: bool = False


@dataclass(slots=True, eq=False)
class Member:
    """What a group knows of one of its members."""

    topics: frozenset[str]
    revoking: Callable[[], Awaitable[None]] | None
    held: dict[TopicPartition, Holding] = field(default_factory=dict)
    commits: set[asyncio.Future[None]] = field(default_factory=set)
    """Commits under way."""
    release: asyncio.Task[None] | None = None
    """Gives up what is paused; None when nothing is."""
    woken: asyncio.Future[None] | None = None
    """Set while the member waits for something to read."""

    def wake(self) -> None:
        if self.woken is not None and not self.woken.done():
            self.woken.set_result(None)


class Group:
    """The members of one group, all on one event loop."""

    def __init__(self, name: str, topics: Mapping[str, DeclaredTopic], committed: dict[TopicPartition, int]) -> None:
        self.name = name
        self.committed = committed
        self._topics = topics
        self._members: list[Member] = []
        self._holders: dict[TopicPartition, Member] = {}

    @property
    def members(self) -> tuple[Member, ...]:
        return tuple(self._members)

    def join(self, member: Member) -> None:
        self._members.append(member)
        self.rebalance()

    async def leave(self, member: Member) -> None:
        """Returns when the member's batch has ended and its partitions are free; it leaves also when cancelled."""
        if member not in self._members:
            return
        self._members.remove(member)
        self._pause(member, list(member.held))
        if member.release is not None:
            await asyncio.shield(member.release)

    def rebalance(self) -> None:
        """Grants what is free, and begins to take what somebody else should have."""
        target = assign(
            {name: len(declared.partitions) for name, declared in self._topics.items()},
            {member: member.topics for member in self._members},
            {place: member for place, member in self._holders.items() if not member.held[place].paused},
        )
        losing: dict[Member, list[TopicPartition]] = {}
        for place, member in target.items():
            holder = self._holders.get(place)
            if holder is None:
                self._grant(place, member)
            elif holder is not member:
                losing.setdefault(holder, []).append(place)
        for holder, places in losing.items():
            self._pause(holder, places)

    def wake(self, places: Iterable[TopicPartition]) -> None:
        """Wakes the holders of these partitions."""
        for place in places:
            holder = self._holders.get(place)
            if holder is not None:
                holder.wake()

    def _grant(self, place: TopicPartition, member: Member) -> None:
        partition = self._topics[place.topic].partitions[place.partition]
        self._holders[place] = member
        member.held[place] = Holding(partition, partition.starting_at(self.committed.get(place)))
        member.wake()

    def _pause(self, member: Member, places: Iterable[TopicPartition]) -> None:
        for place in places:
            member.held[place].paused = True
        if member.release is None and any(holding.paused for holding in member.held.values()):
            member.release = asyncio.create_task(self._release(member), name=f"bus-release-{self.name}")

    async def _release(self, member: Member) -> None:
        try:
            # Again, as long as more is paused while the member ends its batch.
            while paused := [place for place, holding in member.held.items() if holding.paused]:
                await self._end_of_batch(member)
                for place in paused:
                    del member.held[place]
                    del self._holders[place]
                self.rebalance()
        finally:
            member.release = None

    async def _end_of_batch(self, member: Member) -> None:
        if member.revoking is not None:
            try:
                await member.revoking()
            except (Exception, asyncio.CancelledError) as reason:
                task = asyncio.current_task()
                if isinstance(reason, asyncio.CancelledError) and task is not None and task.cancelling():
                    raise
                # As in Kafka's clients: the partition goes on, the repeat is the inbox's affair.
                _log.error("bus.revoking_failed", group=self.name, error=type(reason).__name__)
        while member.commits:
            await asyncio.wait(member.commits)
