"""What exchange heard, and the log of each agency."""

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field

from services.exchange.models.base import ExchangeTable
from shared.outbox.table import Position


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
    """Counts the changes of places, of who gave to whom, and of policies."""


class Agency(ExchangeTable, table=True):
    """An agency's log: its last position, and how far it stands on the agency's topic."""

    __tablename__ = "agencies"

    agency: str = Field(primary_key=True, max_length=32)
    last: int = Field(default=0, sa_type=Position)
    sent: int = Field(default=0, sa_type=Position)
    joining_at: int | None = Field(default=None, sa_type=Position)
    """While its log is being written: the stored event up to which it is. None: it keeps up by itself."""


class LogRow(ExchangeTable, table=True):
    """One event in an agency's log. What the agency sees of it is decided when it is sent."""

    __tablename__ = "agency_log"
    __table_args__ = (UniqueConstraint("agency", "grant_number", "event"), {"sqlite_with_rowid": False})

    agency: str = Field(primary_key=True, max_length=32)
    position: int = Field(primary_key=True, sa_type=Position)
    grant_number: int
    event: int = Field(sa_type=Position, sa_column_args=(ForeignKey("stored_events.position"),))
