"""How far a service is behind, as its own database says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from shared.consuming.inbox import Listener
from shared.consuming.table import PARKED
from shared.outbox.table import EVENTS, UNPUBLISHED


@runtime_checkable
class Pooled(Protocol):
    """A database with connections to count."""

    def connections(self) -> Mapping[str, tuple[int, int]]:
        """By what they are for: in use, and at most."""


@dataclass(frozen=True, slots=True)
class Standing:
    """`parked`, `dead`: by consumer."""

    backlog: int
    oldest_ms: int | None
    """When the oldest event of the backlog was recorded: milliseconds since 1970 UTC."""
    parked: Mapping[str, int]
    dead: Mapping[str, int]


def standing(session: Session, consumers: Sequence[Listener]) -> Standing:
    """Events that are not on the bus yet, and events that could not be taken in."""
    backlog, oldest_ms = session.execute(
        select(func.count(), func.min(EVENTS.c.recorded_ms)).join(
            UNPUBLISHED, UNPUBLISHED.c.position == EVENTS.c.position
        )
    ).one()
    rows = session.execute(
        select(PARKED.c.consumer, func.count(), func.sum(case((PARKED.c.dead, 1), else_=0))).group_by(PARKED.c.consumer)
    )
    aside = {consumer: (parked, int(dead)) for consumer, parked, dead in rows}
    found = {one.name: aside.get(one.name_at(session), (0, 0)) for one in consumers}
    return Standing(
        backlog=backlog,
        oldest_ms=oldest_ms,
        parked={consumer: parked for consumer, (parked, _) in found.items()},
        dead={consumer: dead for consumer, (_, dead) in found.items()},
    )
