"""A picture of what others say, in generations: one is asked, the next may be built beside it from the bus.

Every row of the picture and every mark of the inbox belongs to a generation, and one row says which generation is
live. Putting the next one in its place changes that row and nothing else: no table is renamed, so whoever reads has the
one picture or the other as its snapshot says, on either database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import Session

from shared.consuming.inbox import Consumer
from shared.database.prepared import Prepared, upserting
from shared.events.envelope import Event
from shared.work import Work

FIRST = 0
"""The generation that a projection begins with."""
_NEW = {"live": FIRST, "last": FIRST, "swept": FIRST, "building": None, "taken": 0, "beat_ms": 0, "ended": None}


def generations_in(metadata: MetaData) -> Table:
    """The table of a service that has projections."""
    return Table(
        "projections",
        metadata,
        Column("consumer", String(64), primary_key=True),
        Column("live", Integer, nullable=False, comment="the generation that is asked"),
        Column("last", Integer, nullable=False, comment="the highest number given to a generation"),
        Column("swept", Integer, nullable=False, comment="of generations below this one nothing is left but the live"),
        Column("building", Integer, nullable=True, comment="the generation that is being built"),
        Column("taken", BigInteger, nullable=False, comment="records that the building one has taken in"),
        Column("beat_ms", BigInteger, nullable=False, comment="when who builds was last seen, by the database's clock"),
        Column("ended", String(120), nullable=True, comment="why the last one was not put in place: a class of error"),
    )


@dataclass(frozen=True, slots=True)
class Projection:
    """A consumer whose effect is a picture: it can be built again from the bus, with the same fold."""

    name: str
    topics: tuple[str, ...]
    fold: Callable[[Work, Sequence[Event], int], None]
    """Takes events in order into a generation."""
    tables: tuple[Table, ...]
    """Its rows; each table has a column `generation` at the head of its primary key."""
    generations: Table

    @property
    def ignores(self) -> str | None:
        return None

    @property
    def share(self) -> float:
        """Figures may come a tenth of a second later than what somebody waits for."""
        return 0.1

    @property
    def live(self) -> ColumnElement[int]:
        """The generation that is asked, as an expression in any statement."""
        table = self.generations
        return func.coalesce(select(table.c.live).where(table.c.consumer == self.name).scalar_subquery(), FIRST)

    def at(self, session: Session) -> Consumer:
        """The live generation, which stays the live one until this transaction ends."""
        return self.generation(int(self.state(session, "share").live))

    def name_at(self, session: Session) -> str:
        """Under which name its marks and parked events are found; only reads."""
        found = _state(self.generations, "").first(session, of_consumer=self.name)
        return self.name_of(FIRST if found is None else int(found.live))

    def generation(self, number: int) -> Consumer:
        """One of its generations: a consumer of its own."""
        return Consumer(self.name_of(number), self.topics, partial(_into, self.fold, number))

    def name_of(self, number: int) -> str:
        return self.name if number == FIRST else f"{self.name}.{number}"

    def state(self, session: Session, lock: str) -> Any:
        """Its row, locked: `share` against being changed, `update` to change it."""
        found = _state(self.generations, lock).first(session, of_consumer=self.name)
        if found is None:
            upserting(self.generations, ("consumer",)).write(session, [{"consumer": self.name} | _NEW])
            found = _state(self.generations, lock).first(session, of_consumer=self.name)
        return found


def _into(fold: Callable[[Work, Sequence[Event], int], None], number: int, work: Work, events: Sequence[Event]) -> None:
    fold(work, events, number)


@cache
def _state(table: Table, lock: str) -> Prepared:
    chosen = select(table).where(table.c.consumer == bindparam("of_consumer"))
    return Prepared(chosen.with_for_update(read=lock == "share") if lock else chosen)
