"""The agencies of the exchange, and what of the events each does not get."""

from datetime import datetime

from sqlalchemy import JSON
from sqlmodel import Field

from services.exchange.models.base import ExchangeTable
from shared.database.types import UtcTime


class PolicyVersion(ExchangeTable, table=True):
    """An agency's policy since a moment, until the next version of it. Only ever appended to."""

    __tablename__ = "agency_policies"

    agency: str = Field(primary_key=True, max_length=32)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = Field(max_length=200)
    kind: str = Field(max_length=40)
    withheld: list[str] = Field(sa_type=JSON)
    withheld_fields: dict[str, list[str]] = Field(sa_type=JSON)
    member: bool
    changed_at: datetime = Field(sa_type=UtcTime)
    changed_by: str = Field(max_length=256)
