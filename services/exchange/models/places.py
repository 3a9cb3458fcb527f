"""What is known of places."""

from sqlmodel import Field

from services.exchange.models.base import ExchangeTable


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
