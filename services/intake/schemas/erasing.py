"""Erasure, and the legal holds that forbid it."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict

from shared.http.bodies import Body, Id, Prose, View

HoldReason = Literal["investigation", "prosecution", "court_proceedings", "civil_claim", "restitution"]


class RequestErasure(Body):
    """Ask for a person to be erased."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "withdrawn", "asked_by": "person"}]})

    reason: Literal["unneeded", "withdrawn", "requested"]
    """UU 27/2022: the data is not needed any more, its consent was withdrawn, or the person asks for it."""
    asked_by: Literal["person", "guardian", "heir", "authority", "agency"]


class RefuseErasure(Body):
    """Why it is not done."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "not_identified"}]})

    reason: Literal["unfounded", "not_identified", "taken_back", "entered_in_error"]


class ErasureView(View):
    """An erasure: `requested`, `refused`, or `erased`."""

    case_id: str
    status: str
    reason: str | None = None
    asked_by: str | None = None
    requested_by: str | None = None
    requested_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    refused_because: str | None = None


class SetHold(Body):
    """Legal proceedings need what is known of the person. The note is sealed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "prosecution"}]})

    id: Id | None = None
    """The client's own UUID for the hold, so that a repeat is recognised."""
    reason: HoldReason
    note: Prose | None = None


class LiftHold(Body):
    """Why the hold is needed no longer. The note is sealed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "proceedings_ended"}]})

    reason: Literal["proceedings_ended", "not_needed", "entered_in_error"]
    note: Prose | None = None


class HoldView(View):
    """A legal hold. Its notes are shown where it is read by itself, which is noted."""

    hold_id: str
    case_id: str
    reason: str
    set_by: str
    set_at: datetime
    lifted_because: str | None = None
    lifted_by: str | None = None
    lifted_at: datetime | None = None
    has_note: bool
    note: str | None = None
    lifting_note: str | None = None
