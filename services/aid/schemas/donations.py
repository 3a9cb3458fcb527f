"""Donations."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from services.aid.schemas.goods import Item, Quantity
from shared.codes import AgencyId
from shared.http.bodies import Body, Id, PlaceCode, PublicLine, View
from shared.times import OccurredAt


class PledgeDonation(Body):
    """A donor promises goods to a store. `id`: the client's own UUID, so that a repeat is recognised."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b21",
                    "donor": "IOM",
                    "donor_agency": "iom",
                    "item": "hygiene kit",
                    "contents": ["cloth mask", "soap"],
                    "quantity": 2500,
                    "store": "POS-PONTIANAK",
                    "occurred_at": "2026-08-20",
                }
            ]
        }
    )

    id: Id
    donor: PublicLine
    donor_agency: AgencyId | None = None
    """Where the donor is itself an agency of the exchange."""
    agency: AgencyId | None = None
    """The agency that receives the goods; the one that runs the store, where it is left out."""
    item: Item
    contents: Annotated[list[Item], Field(max_length=50)] = []
    """What is in a kit."""
    quantity: Quantity
    store: PlaceCode
    occurred_at: OccurredAt


class ReceiveDonation(Body):
    """The goods are on the shelf: all that was promised, or `quantity`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-08-26"}]})

    quantity: Quantity | None = None
    occurred_at: OccurredAt


class DonationView(View):
    """A donation as it stands."""

    donation_id: str
    donor: str
    donor_agency: str | None = None
    agency: str
    store: str
    item: str
    contents: list[str]
    quantity: int
    received: int | None = None
    status: str
    pledged_on: date
    received_on: date | None = None
