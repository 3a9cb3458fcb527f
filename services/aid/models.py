"""Aid's tables. Of a person they hold the case id alone; names of donors, agencies, stores and items are public."""

from datetime import date, datetime

from sqlalchemy import JSON, BigInteger, CheckConstraint, Index
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from shared.database.models import own_metadata
from shared.database.types import UtcTime
from shared.outbox.table import Position

METADATA = own_metadata()
DEFAULT_THRESHOLD = 20
"""A store is low in an item at this many or fewer, where nobody set another level."""


class AidTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of aid's tables."""


class Store(AidTable, table=True):
    """The store of a shelter or an arrival point, under the code of that place."""

    __tablename__ = "stores"

    code: str = Field(primary_key=True, max_length=40)
    kind: str = Field(max_length=20)
    name: str = Field(max_length=200)
    agency: str = Field(max_length=32, index=True)
    regency: str = Field(max_length=5)
    time_zone: str = Field(max_length=40)


class Stock(AidTable, table=True):
    """How much of an item is on the shelf: the sum of its ledger lines, and never below zero."""

    __tablename__ = "stock"
    __table_args__ = (CheckConstraint("quantity >= 0", name="never_negative"),)

    store: str = Field(primary_key=True, max_length=40, foreign_key="stores.code")
    item: str = Field(primary_key=True, max_length=80)
    quantity: int = Field(sa_type=BigInteger)
    threshold: int = DEFAULT_THRESHOLD
    version: int = 0
    """How often the threshold was set."""


class Entry(AidTable, table=True):
    """One line of the ledger. Only ever appended to: triggers refuse the rest."""

    __tablename__ = "ledger"
    __table_args__ = (
        CheckConstraint("change <> 0", name="changes_something"),
        Index("ix_ledger_store_item", "store", "item", "position"),
        Index("ix_ledger_kind_day", "kind", "on_date"),
        {"sqlite_autoincrement": True},
    )

    position: int | None = Field(default=None, primary_key=True, sa_type=Position)
    entry_id: str = Field(max_length=36, unique=True)
    """The client's own id where it gave one: of an issue, of an adjustment, of a receipt."""
    store: str = Field(max_length=40, foreign_key="stores.code")
    item: str = Field(max_length=80)
    change: int = Field(sa_type=BigInteger)
    kind: str = Field(max_length=10)
    ref_id: str = Field(max_length=40, index=True)
    """The donation, the shipment, the case of the person; the store itself where it was counted."""
    reason: str | None = Field(default=None, max_length=10)
    on_date: date
    """The day at the store."""
    occurred_at: datetime = Field(sa_type=UtcTime)
    recorded_at: datetime = Field(sa_type=UtcTime)


class Case(AidTable, table=True):
    """A case that intake told of: goods can be issued to it."""

    __tablename__ = "cases"

    case_id: str = Field(primary_key=True, max_length=36)


class Donation(AidTable, table=True):
    """What a donor promised, and what came of it."""

    __tablename__ = "donations"

    donation_id: str = Field(primary_key=True, max_length=36)
    donor: str = Field(max_length=200)
    donor_agency: str | None = Field(default=None, max_length=32)
    agency: str = Field(max_length=32)
    store: str = Field(max_length=40, index=True, foreign_key="stores.code")
    item: str = Field(max_length=80)
    contents: list[str] = Field(default_factory=list, sa_type=JSON)
    quantity: int
    received: int | None = None
    status: str = Field(default="pledged", max_length=10)
    pledged_at: datetime = Field(sa_type=UtcTime)
    pledged_on: date
    received_on: date | None = None


class Request(AidTable, table=True):
    """One store asks another: the answer (`approval`) is apart from what has come (`fulfilment`)."""

    __tablename__ = "requests"

    request_id: str = Field(primary_key=True, max_length=36)
    from_store: str = Field(max_length=40, index=True, foreign_key="stores.code")
    to_store: str = Field(max_length=40, index=True, foreign_key="stores.code")
    item: str = Field(max_length=80)
    quantity: int
    approval: str = Field(default="submitted", max_length=10)
    approved: int | None = None
    dispatched: int = 0
    received: int = 0
    fulfilment: str = Field(default="none", max_length=10)
    submitted_at: datetime = Field(sa_type=UtcTime)
    submitted_on: date


class Shipment(AidTable, table=True):
    """Goods on their way between two stores."""

    __tablename__ = "shipments"
    __table_args__ = (CheckConstraint("received <= quantity", name="no_more_than_sent"),)

    shipment_id: str = Field(primary_key=True, max_length=36)
    request_id: str = Field(max_length=36, index=True, foreign_key="requests.request_id")
    from_store: str = Field(max_length=40, index=True)
    to_store: str = Field(max_length=40, index=True)
    item: str = Field(max_length=80)
    quantity: int
    received: int = 0
    status: str = Field(default="dispatched", max_length=20)
    dispatched_at: datetime = Field(sa_type=UtcTime)
    dispatched_on: date
    received_on: date | None = None
