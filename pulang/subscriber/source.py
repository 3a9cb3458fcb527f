"""Where events come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.events.envelope import Event

Positions = Mapping[str, str]
"""How far a subscriber is, by the name of the way: the feed's cursor, the offsets in Kafka. Its store keeps them."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The next events, and what the positions are once they are taken; None removes one."""

    events: list[Event] = field(default_factory=list)
    positions: Mapping[str, str | None] = field(default_factory=dict)


class Source(Protocol):
    """A way in. Every question may raise Unreachable (ask again), Refused and Unreadable."""

    @property
    def gapless(self) -> bool:
        """Whether every version is told: not where only some types of events are asked for."""

    async def next(self, at: Positions, wait_seconds: float) -> Batch:
        """What follows; without events after `wait_seconds` of nothing new. May be cancelled."""

    async def history(self, subject: str) -> list[Event]:
        """Everything that may be told of a subject now, from its beginning, in order."""

    async def acknowledge(self, event_id: str) -> None:
        """Say that what this event asked to delete is deleted. May be said again."""

    async def close(self) -> None:
        """May be called twice."""
