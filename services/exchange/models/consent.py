"""Consent, as exchange has applied it."""

from datetime import datetime

from sqlalchemy import Index, false, text
from sqlmodel import Field

from services.exchange.models.base import ExchangeTable
from shared.database.types import UtcTime
from shared.outbox.table import Position


class ConsentLevelRow(ExchangeTable, table=True):
    """What holds between a case and an agency, as exchange has applied it."""

    __tablename__ = "consent_levels"
    __table_args__ = ({"sqlite_with_rowid": False},)

    case_id: str = Field(primary_key=True, max_length=64)
    agency: str = Field(primary_key=True, max_length=32)
    level: str = Field(max_length=12)
    grant_number: int
    erased: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    """The person was erased: nothing else of the case is disclosed, whatever the level was."""


class ErasedCase(ExchangeTable, table=True):
    """A person who was erased. Kept for what may be heard of the case again."""

    __tablename__ = "erased_cases"

    case_id: str = Field(primary_key=True, max_length=64)


class ConsentStep(ExchangeTable, table=True):
    """What a consent event changed between its case and an agency."""

    __tablename__ = "consent_steps"
    __table_args__ = ({"sqlite_with_rowid": False},)

    event: int = Field(primary_key=True, sa_type=Position)
    agency: str = Field(primary_key=True, max_length=32)
    level_before: str = Field(max_length=12)
    level_after: str = Field(max_length=12)
    grant_number: int


class DeletionRequest(ExchangeTable, table=True):
    """An event that asks an agency to delete what it holds, and the agency's word that it has."""

    __tablename__ = "deletion_requests"
    __table_args__ = (
        Index("ix_deletion_requests_agency", "agency", "event"),
        Index("ix_deletion_requests_case", "case_id", "agency"),
        Index(
            "deletions_open",
            "due_at",
            sqlite_where=text("acknowledged_at IS NULL"),
            postgresql_where=text("acknowledged_at IS NULL"),
        ),
    )

    event: int = Field(primary_key=True, sa_type=Position)
    agency: str = Field(primary_key=True, max_length=32)
    case_id: str = Field(max_length=64)
    asks: str = Field(max_length=10)
    asked_at: datetime = Field(sa_type=UtcTime)
    due_at: datetime = Field(sa_type=UtcTime)
    escalated_at: datetime | None = Field(default=None, sa_type=UtcTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcTime)
    acknowledged_by: str | None = Field(default=None, max_length=256)
