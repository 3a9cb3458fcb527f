"""Requests and answers of psychosocial."""

from datetime import date
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from shared.events.psychosocial import SessionKind
from shared.http.bodies import Body, Id, Prose, View
from shared.times import SensibleDate

Layer = Annotated[int, Field(strict=True, ge=1, le=4)]
"""Layer of the IASC MHPSS pyramid: 1 basic services and security … 4 specialised services."""

SESSION_EXAMPLE: dict[str, Any] = {
    "id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b30",
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "layer": 3,
    "kind": "individual",
    "on": "2026-11-05",
}


class NewSession(Body):
    """A session that took place. `id`: the client's own UUID, so that a repeat is recognised. The note is sealed."""

    id: Id
    case_id: Id
    layer: Layer
    kind: SessionKind
    on: SensibleDate
    note: Prose | None = None


class RecordSessions(Body):
    """One session or many: all of them are recorded, or none."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sessions": [SESSION_EXAMPLE]}]})

    sessions: Annotated[list[NewSession], Field(min_length=1, max_length=200)]


class SessionView(View):
    """A session, without what was written about it."""

    session_id: str
    case_id: str
    facility: str
    layer: int
    kind: str
    on: date
    has_note: bool


class Sessions(View):
    """One entry per session, in the order of the request."""

    sessions: list[SessionView]


class NoteView(View):
    """What the counsellor wrote."""

    session_id: str
    note: str | None = None


class EntryView(View):
    """A person on the worklist. `facility`: where they are (`in_house`), or were last."""

    case_id: str
    status: str
    care_layer: int | None = None
    facility: str | None = None
    in_house: bool


class Figures(View):
    """Psychosocial's own figures, counted from its tables."""

    psychosocial_sessions: int
    by_layer: dict[str, int]
