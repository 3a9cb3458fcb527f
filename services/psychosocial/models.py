"""Psychosocial's tables. What a counsellor writes stands in `sessions.note` alone, sealed."""

from datetime import date, datetime

from sqlalchemy import Index, LargeBinary, false
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database.models import own_metadata
from shared.database.types import UtcTime
from shared.outbox.table import Position

METADATA = own_metadata()


class PsychosocialTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of psychosocial's tables."""


class Place(PsychosocialTable, table=True):
    """A shelter as its operator told of it."""

    __tablename__ = "places"

    code: str = Field(primary_key=True, max_length=40)
    agency: str = Field(max_length=32, index=True)
    time_zone: str = Field(max_length=40)


class Entry(PsychosocialTable, table=True):
    """One person on the worklist: the facts that others told, each in a column of its own, in any order."""

    __tablename__ = "worklist"
    __table_args__ = (Index("ix_worklist_facility", "facility", "case_id"),)

    case_id: str = Field(primary_key=True, max_length=36)
    screened: bool = False
    care_layer: int | None = None
    """Layer that the newest screening asked for."""
    closed: bool = False
    facility: str | None = Field(default=None, max_length=40)
    """Where the person is, or was last."""
    in_house: bool = False
    erased: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """The person was erased: the entry only stands so that nothing is written about them again."""


class Stay(PsychosocialTable, table=True):
    """A stay in a shelter, as it was told: who had the person in the house, and when. Half open, as local dates."""

    __tablename__ = "stays"

    stay_id: str = Field(primary_key=True, max_length=36)
    case_id: str = Field(max_length=36, index=True)
    facility: str = Field(max_length=40)
    from_date: date
    until_date: date | None = None


class CaseKey(PsychosocialTable, table=True):
    """The key that seals what is written about a case; taken at the first sealing."""

    __tablename__ = "case_keys"

    case_id: str = Field(primary_key=True, max_length=36)
    key_id: str = Field(max_length=36, unique=True)


class Session(PsychosocialTable, table=True):
    """A session that took place."""

    __tablename__ = "sessions"
    __table_args__ = (
        Index("ix_sessions_facility_day", "facility", "on_date"),
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, primary_key=True, sa_type=Position)
    session_id: str = Field(max_length=36, unique=True)
    case_id: str = Field(max_length=36, index=True)
    facility: str = Field(max_length=40)
    """The facility that had the person when the session took place."""
    layer: int
    kind: str = Field(max_length=32)
    on_date: date
    """The day at the facility."""
    note: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed with the key of the case."""
    recorded_by: str = Field(max_length=256)
    recorded_at: datetime = Field(sa_type=UtcTime)
