"""Sessions; what was written about one has a route of its own."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.psychosocial import queries
from services.psychosocial.commands import notes, sessions
from services.psychosocial.problems import (
    CaseUnknown,
    IdTaken,
    ImpossibleDate,
    NoteRefused,
    SessionUnknown,
    TwiceInRequest,
)
from services.psychosocial.routes.router import door, router
from services.psychosocial.schemas import NoteView, RecordSessions, Sessions, SessionView
from shared.http.bodies import Id, PlaceCode
from shared.http.door import Door, page_of, shown
from shared.http.limits import BODY_BYTES, takes_up_to
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import PersonErased, raises
from shared.http.samples import link, sample

SESSION_ID = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b30"
EXAMPLE = {
    "session_id": SESSION_ID,
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "facility": "RPTC-TANJUNG-PINANG",
    "layer": 3,
    "kind": "individual",
    "on": "2026-11-05",
    "has_note": True,
}

AFTER_SESSION = {
    "its note": link("read_note_psychosocial_sessions__session_id__note_get", session_id="sessions/0/session_id")
}


@router.post(
    "/sessions",
    status_code=201,
    response_model=Sessions,
    responses=raises(CaseUnknown, PersonErased, TwiceInRequest, ImpossibleDate, IdTaken),
    openapi_extra=sample({"sessions": [EXAMPLE]}, 201, AFTER_SESSION),
)
@takes_up_to(64 * BODY_BYTES)
async def record_sessions(body: RecordSessions, at: Annotated[Door, door("session.record")]) -> Response:
    """Record sessions; all of them, or none."""
    return await at.write(lambda work: sessions.record_sessions(work, body))


@router.get(
    "/sessions", response_model=Page[SessionView], responses=raises(), openapi_extra=sample({"items": [EXAMPLE]})
)
async def list_sessions(
    request: Request,
    at: Annotated[Door, door("session.read")],
    case_id: Annotated[Id | None, Query()] = None,
    facility: Annotated[PlaceCode | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Sessions at the facilities in your scope, in the order of their recording, without their notes."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, int)[0] if after else 0
    rows = await at.read(lambda session: queries.list_sessions(session, at.caller, case_id, facility, start, limit + 1))
    more = to_cursor(key, rows[limit - 1].position) if len(rows) > limit else None
    return page_of([queries.session_view(row) for row in rows[:limit]], more, request)


@router.get(
    "/sessions/{session_id}/note",
    response_model=NoteView,
    responses=raises(SessionUnknown, NoteRefused, PersonErased),
    openapi_extra=sample({"session_id": SESSION_ID, "note": "Contoh catatan."}),
)
async def read_note(session_id: Annotated[Id, Path()], at: Annotated[Door, door("note.read")]) -> Response:
    """What was written about a session, for whoever wrote it or answers for the facility; every read is noted."""
    found = await at.do(lambda work: notes.read_note(work, session_id))
    if found is notes.Refusal.UNKNOWN:
        raise SessionUnknown
    if found is notes.Refusal.ERASED:
        raise PersonErased
    if found is notes.Refusal.NOT_YOURS:
        raise NoteRefused
    return shown(found, headers={"Cache-Control": "no-store"})
