"""Exchange's tables: what it heard, the log of each agency, consent as it has applied it, places, and the facts behind
the indicators."""

from datetime import date
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.consuming.projection import generations_in
from shared.database.models import own_metadata
from shared.outbox.table import Position

METADATA = own_metadata()
GENERATIONS = generations_in(METADATA)


class ExchangeTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of exchange's tables."""


class StoredEvent(ExchangeTable, table=True):
    """An event as it was heard, in the order in which exchange took it in."""

    __tablename__ = "stored_events"
    __table_args__ = (UniqueConstraint("source", "id"), Index("ix_stored_events_subject", "subject", "position"))

    position: int = Field(primary_key=True, sa_type=Position, sa_column_kwargs={"autoincrement": False})
    source: str = Field(max_length=64)
    id: str = Field(max_length=64)
    subject: str = Field(max_length=64)
    streamversion: int
    topic: str = Field(max_length=80)
    payload: bytes = Field(sa_type=LargeBinary)


class LogHead(ExchangeTable, table=True):
    """One row, locked by whoever takes events in: positions are given out in the order of the commits."""

    __tablename__ = "log_head"

    name: str = Field(primary_key=True, max_length=8)
    last_event: int = Field(sa_type=Position)
    directory: int = 0
    """Counts the changes of places and of who gave to whom."""


class Agency(ExchangeTable, table=True):
    """An agency's log: its last position, and how far it stands on the agency's topic."""

    __tablename__ = "agencies"

    agency: str = Field(primary_key=True, max_length=32)
    last: int = Field(default=0, sa_type=Position)
    sent: int = Field(default=0, sa_type=Position)


class LogRow(ExchangeTable, table=True):
    """One event in an agency's log. What the agency sees of it is decided when it is sent."""

    __tablename__ = "agency_log"
    __table_args__ = (UniqueConstraint("agency", "grant_number", "event"), {"sqlite_with_rowid": False})

    agency: str = Field(primary_key=True, max_length=32)
    position: int = Field(primary_key=True, sa_type=Position)
    grant_number: int
    event: int = Field(sa_type=Position, sa_column_args=(ForeignKey("stored_events.position"),))


class ConsentLevelRow(ExchangeTable, table=True):
    """What holds between a case and an agency, as exchange has applied it."""

    __tablename__ = "consent_levels"
    __table_args__ = ({"sqlite_with_rowid": False},)

    case_id: str = Field(primary_key=True, max_length=64)
    agency: str = Field(primary_key=True, max_length=32)
    level: str = Field(max_length=12)
    grant_number: int


class ConsentStep(ExchangeTable, table=True):
    """What a consent event changed between its case and an agency."""

    __tablename__ = "consent_steps"
    __table_args__ = ({"sqlite_with_rowid": False},)

    event: int = Field(primary_key=True, sa_type=Position)
    agency: str = Field(primary_key=True, max_length=32)
    level_before: str = Field(max_length=12)
    level_after: str = Field(max_length=12)
    grant_number: int


class Place(ExchangeTable, table=True):
    """Who runs a place, and the province in which it lies (first two digits of its regency)."""

    __tablename__ = "places"

    code: str = Field(primary_key=True, max_length=40)
    agency: str = Field(max_length=32)
    province: str = Field(max_length=2)


class GivenTo(ExchangeTable, table=True):
    """A store that an agency gave goods to."""

    __tablename__ = "given_to"

    agency: str = Field(primary_key=True, max_length=32)
    store: str = Field(primary_key=True, max_length=40)


OF_A_GENERATION: dict[str, Any] = {"autoincrement": False, "server_default": "0"}
"""The facts below are a projection: while one generation is asked, another may be built beside it."""


class CaseFact(ExchangeTable, table=True):
    """A case, as the indicators count it."""

    __tablename__ = "case_facts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    case_id: str = Field(primary_key=True, max_length=64)
    arrival_point: str = Field(max_length=40)
    arrival_date: date = Field(index=True)
    sex: str = Field(max_length=1)
    trafficking_status: str | None = Field(default=None, max_length=40)


class ConsentFact(ExchangeTable, table=True):
    """The level between a case and an agency, as the indicators count it."""

    __tablename__ = "consent_facts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    case_id: str = Field(primary_key=True, max_length=64)
    agency: str = Field(primary_key=True, max_length=32)
    level: str = Field(max_length=12)


class StayFact(ExchangeTable, table=True):
    """A stay: nights from `checked_in` until the one before `checked_out`."""

    __tablename__ = "stay_facts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    stay: str = Field(primary_key=True, max_length=64)
    case_id: str = Field(max_length=64)
    facility: str = Field(max_length=40)
    checked_in: date
    checked_out: date | None = None
    reason: str | None = Field(default=None, max_length=20)


class FacilityFact(ExchangeTable, table=True):
    """A place and its beds."""

    __tablename__ = "facility_facts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    facility: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=20)
    beds: int


class IssueCount(ExchangeTable, table=True):
    """Goods handed out on a day."""

    __tablename__ = "issue_counts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    day: date = Field(primary_key=True)
    item: str = Field(primary_key=True, max_length=200)
    quantity: int = Field(sa_type=Position)


class SessionCount(ExchangeTable, table=True):
    """Psychosocial sessions of a day."""

    __tablename__ = "session_counts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    day: date = Field(primary_key=True)
    sessions: int = Field(sa_type=Position)
