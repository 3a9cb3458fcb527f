"""Goods handed to people, and aid's own figures."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field

from services.aid.schemas.goods import Item, Quantity
from shared.http.bodies import Body, Id, PlaceCode, View
from shared.times import OccurredAt


class Recipient(Body):
    """One person. `issue_id`: the client's own UUID for this handing over, so that a repeat is recognised."""

    case_id: Id
    issue_id: Id
    quantity: Quantity = 1


class IssueAid(Body):
    """Hand an item to a person or a group: everyone gets theirs, or nobody."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "store": "RPTC-TANJUNG-PINANG",
                    "item": "hygiene kit",
                    "occurred_at": "2026-11-03",
                    "people": [
                        {
                            "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
                            "issue_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b24",
                        }
                    ],
                }
            ]
        }
    )

    store: PlaceCode
    item: Item
    people: Annotated[list[Recipient], Field(min_length=1, max_length=1000)]
    occurred_at: OccurredAt


class IssueView(View):
    """What a person was given."""

    issue_id: str
    case_id: str
    store: str
    item: str
    quantity: int
    on: date


class Issues(View):
    """One entry per person, in the order of the request."""

    issues: list[IssueView]


class Figures(View):
    """Aid's own figures, counted from its tables."""

    hygiene_kits_issued: int
    issued_by_item: dict[str, int]
    stock_by_store: dict[str, dict[str, int]]
    """What is on the shelves now."""
