"""Stores, their stock and their ledger."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from shared.http.bodies import PUBLIC, Body, Id, View
from shared.times import OccurredAt

Kind = Literal["received", "dispatched", "arrived", "issued", "adjusted"]
Reason = Literal["counted", "damaged", "expired", "lost"]

MOST = 1_000_000
"""No shelf of a shelter holds more; also keeps every sum far within 64 bits."""


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not hold control characters")
    return text


def _not_zero(change: int) -> int:
    if change == 0:
        raise ValueError("must not be 0")
    return change


Item = Annotated[
    str, StringConstraints(min_length=1, max_length=80, strip_whitespace=True), AfterValidator(_printable), PUBLIC
]
"""Plain name of an item; public by nature."""
Quantity = Annotated[int, Field(strict=True, ge=1, le=MOST)]
"""Pieces."""
Change = Annotated[int, Field(strict=True, ge=-MOST, le=MOST), AfterValidator(_not_zero)]
"""Pieces more, or less where it is below 0."""


class StoreView(View):
    """A store."""

    code: str
    kind: str
    name: str
    agency: str
    regency: str
    time_zone: str


class StockView(View):
    """How many of an item a store has, and when it counts as low."""

    store: str
    item: str
    quantity: int
    threshold: int


class PutThreshold(Body):
    """The level at or under which the store counts as low in the item."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"threshold": 50}]})

    threshold: Quantity


class ThresholdView(View):
    """The level at or under which the store counts as low in the item."""

    store: str
    item: str
    threshold: int


class AdjustStock(Body):
    """A count on the shelf differs from the ledger. `id`: the client's own UUID, so that a repeat is recognised."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b20",
                    "item": "hygiene kit",
                    "change": -3,
                    "reason": "damaged",
                    "occurred_at": "2026-11-04",
                }
            ]
        }
    )

    id: Id
    item: Item
    change: Change
    reason: Reason
    occurred_at: OccurredAt


class EntryView(View):
    """A line of the ledger. `ref`: the donation, the shipment, the case of the person, or the store."""

    entry_id: str
    store: str
    item: str
    change: int
    kind: str
    ref: str
    reason: str | None = None
    on: date
