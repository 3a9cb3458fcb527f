"""The facts behind the indicators."""

from datetime import date
from typing import Any

from sqlmodel import Field

from services.exchange.models.base import ExchangeTable
from shared.outbox.table import Position

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
