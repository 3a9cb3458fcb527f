"""What aid tells: goods given, asked for, sent, received, and issued to a person."""

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.codes import AgencyId
from shared.events.fact import OPERATIONS, Fact, PlaceId


class AidIssued(Fact):
    """Goods handed to the person."""

    TYPE: ClassVar[str] = "pulang.aid.issued.v1"

    issue: str
    store: PlaceId
    item: str
    quantity: int = Field(ge=1)
    on: date


class DonationPledged(Fact):
    """A donor promised goods. Subject: the donation."""

    TYPE: ClassVar[str] = "pulang.donation.pledged.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    donor: str
    """Name of the giving organisation; public by nature."""
    agency: AgencyId | None = None
    """The agency that receives the goods."""
    item: str
    quantity: int = Field(ge=1)
    store: PlaceId
    donor_agency: AgencyId | None = None
    """Where the donor is itself an agency of the exchange: it may follow what it gave."""


class DonationReceived(Fact):
    """Donated goods are on the shelf. Subject: the donation."""

    TYPE: ClassVar[str] = "pulang.donation.received.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    donor: str
    item: str
    quantity: int = Field(ge=1)
    store: PlaceId
    on: date
    donor_agency: AgencyId | None = None


class RequestSubmitted(Fact):
    """One store asks another for goods. Subject: the request."""

    TYPE: ClassVar[str] = "pulang.request.submitted.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    from_store: PlaceId
    """The store that is asked."""
    to_store: PlaceId
    """The store that needs the goods."""
    item: str
    quantity: int = Field(ge=1)


class RequestApproved(Fact):
    """The asked store will send. Subject: the request."""

    TYPE: ClassVar[str] = "pulang.request.approved.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    from_store: PlaceId
    to_store: PlaceId
    item: str
    quantity: int = Field(ge=1)


class RequestRejected(Fact):
    """The asked store will not send. Subject: the request."""

    TYPE: ClassVar[str] = "pulang.request.rejected.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    from_store: PlaceId
    to_store: PlaceId


class ShipmentDispatched(Fact):
    """Goods left the sending store. Subject: the shipment."""

    TYPE: ClassVar[str] = "pulang.shipment.dispatched.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    request: str
    from_store: PlaceId
    to_store: PlaceId
    item: str
    quantity: int = Field(ge=1)
    on: date


class ShipmentReceived(Fact):
    """Goods reached the asking store; what is short of the dispatch is still on its way or lost."""

    TYPE: ClassVar[str] = "pulang.shipment.received.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    request: str
    from_store: PlaceId
    to_store: PlaceId
    item: str
    quantity: int = Field(ge=1)
    on: date


class StockLow(Fact):
    """A store fell to or under the level at which it should ask for more. Subject: the store."""

    TYPE: ClassVar[str] = "pulang.stock.low.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    store: PlaceId
    item: str
    quantity: int = Field(ge=0)
    threshold: int = Field(ge=1)


class StockAdjusted(Fact):
    """A count on the shelf differed from the ledger. Subject: the store."""

    TYPE: ClassVar[str] = "pulang.stock.adjusted.v1"
    TOPIC: ClassVar[str] = OPERATIONS

    store: PlaceId
    item: str
    change: int
