"""Requests to delete, and agencies' words that it is done."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from shared.http.bodies import Body, Id, View

Asks = Literal["case", "identity", "erasure"]
"""All of the case at the end of a grant; the identity, where the level was lowered; all, of a person who is erased."""


class Acknowledge(Body):
    """What this event asked for was done: the agency has deleted it, wherever it had it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "0192f0c1-6a10-7b21-8c11-0c5d1f0e9a01"}]})

    event: Id = Field(description="`id` of the event that asked.")


class DeletionView(View):
    """A request to delete, as it stands."""

    event: str
    """`id` of the event that asks."""
    agency: str
    case_id: str
    asks: Asks
    asked_at: datetime
    due_at: datetime
    """After 3x24 hours (UU 27/2022)."""
    escalated_at: datetime | None = None
    """When operators were told that it is late."""
    acknowledged_at: datetime | None = None
