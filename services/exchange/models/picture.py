"""What stands behind the indicators: what was told of each case, and the counts by day that follow from it."""

from datetime import date
from typing import Any

from sqlalchemy import LargeBinary
from sqlmodel import Field

from services.exchange.models.base import ExchangeTable
from shared.outbox.table import Position

OF_A_GENERATION: dict[str, Any] = {"autoincrement": False, "server_default": "0"}
"""The facts below are a projection: while one generation is asked, another may be built beside it."""


class CaseFact(ExchangeTable, table=True):
    """A case, as the indicators count it: one row holds all of it, so that an event costs one row read and written."""

    __tablename__ = "case_facts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    case_id: str = Field(primary_key=True, max_length=64)
    arrival_date: date | None = Field(default=None, index=True)
    """None where its registration has not been heard, and of the stone that stands for an erased case."""
    recorded_on: date | None = None
    """The day (UTC) on which the registration was entered."""
    told: bytes = Field(sa_type=LargeBinary)
    """JSON of `projections.case.Case`."""


class DayCount(ExchangeTable, table=True):
    """How much of something happened on a day at a place to people of whom `dimension` is `value`.

    The same is counted once under each dimension, so the sum over the values of any one dimension is the whole. The key
    has the order in which a series is asked for: SQLite then sums without sorting, which is half of the time.
    """

    __tablename__ = "day_counts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    dimension: str = Field(primary_key=True, max_length=20)
    measure: str = Field(primary_key=True, max_length=20)
    value: str = Field(primary_key=True, max_length=40)
    day: date = Field(primary_key=True)
    place: str = Field(primary_key=True, max_length=40)
    """Empty where it is not known."""
    number: int = Field(sa_type=Position)


class FacilityFact(ExchangeTable, table=True):
    """A place and its beds."""

    __tablename__ = "facility_facts"

    generation: int = Field(primary_key=True, sa_column_kwargs=OF_A_GENERATION)
    facility: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=20)
    beds: int


class PublishedMonth(ExchangeTable, table=True):
    """The tables of a month as they were published. Never changed: no projection, a rebuild keeps it."""

    __tablename__ = "published_months"

    month: str = Field(primary_key=True, max_length=7)
    """`2020-01`."""
    tables: bytes | None = Field(default=None, sa_type=LargeBinary)
    """JSON of what may be told, nothing else; None where nothing may."""
