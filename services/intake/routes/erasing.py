"""Erasing a person, and legal holds against it."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.intake import queries
from services.intake.commands import erasing, holds
from services.intake.problems import (
    CaseUnknown,
    ErasureAsked,
    ErasureRefused,
    ErasureUnknown,
    HeldForProceedings,
    HoldUnknown,
    IdTaken,
    SecondPersonNeeded,
)
from services.intake.routes.cases import CASE_ID
from services.intake.routes.router import door, router
from services.intake.schemas.erasing import ErasureView, HoldView, LiftHold, RefuseErasure, RequestErasure, SetHold
from shared.http.bodies import Id
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import PersonErased, raises
from shared.http.samples import sample

ERASURE = {
    "case_id": CASE_ID,
    "status": "requested",
    "reason": "withdrawn",
    "asked_by": "person",
    "requested_by": "contoh-supervisor",
    "requested_at": "2026-11-20T03:00:00Z",
}
HOLD = {
    "hold_id": CASE_ID,
    "case_id": CASE_ID,
    "reason": "prosecution",
    "set_by": "contoh-supervisor",
    "set_at": "2026-11-20T03:00:00Z",
    "has_note": False,
}
DECIDED = {"decided_by": "contoh-kepala", "decided_at": "2026-11-21T03:00:00Z"}


@router.post(
    "/cases/{case_id}/erasure",
    status_code=201,
    response_model=ErasureView,
    responses=raises(CaseUnknown, PersonErased, HeldForProceedings, ErasureAsked),
    openapi_extra=sample(ERASURE, 201),
)
async def request_erasure(
    case_id: Annotated[Id, Path()], body: RequestErasure, at: Annotated[Door, door("erasure.request")]
) -> Response:
    """Ask for a person to be erased; a second person has to approve it."""
    return await at.write(lambda work: erasing.request_erasure(work, case_id, body))


@router.post(
    "/cases/{case_id}/erasure/approval",
    status_code=201,
    response_model=ErasureView,
    responses=raises(CaseUnknown, ErasureUnknown, SecondPersonNeeded, HeldForProceedings, ErasureRefused),
    openapi_extra=sample(ERASURE | DECIDED | {"status": "erased"}, 201),
)
async def approve_erasure(case_id: Annotated[Id, Path()], at: Annotated[Door, door("erasure.approve")]) -> Response:
    """Erase the person, by somebody else than who asked for it. It cannot be undone."""
    try:
        return await at.write(lambda work: erasing.approve_erasure(work, case_id))
    except (SecondPersonNeeded, HeldForProceedings):
        await at.do(lambda work: erasing.note_refusal(work, case_id))
        raise


@router.post(
    "/cases/{case_id}/erasure/refusal",
    status_code=201,
    response_model=ErasureView,
    responses=raises(CaseUnknown, PersonErased, ErasureUnknown),
    openapi_extra=sample(ERASURE | DECIDED | {"status": "refused", "refused_because": "not_identified"}, 201),
)
async def refuse_erasure(
    case_id: Annotated[Id, Path()], body: RefuseErasure, at: Annotated[Door, door("erasure.approve")]
) -> Response:
    """Do not erase the person, and say why."""
    return await at.write(lambda work: erasing.refuse_erasure(work, case_id, body))


@router.get(
    "/erasures", response_model=Page[ErasureView], responses=raises(), openapi_extra=sample({"items": [ERASURE]})
)
async def list_erasures(
    request: Request,
    at: Annotated[Door, door("erasure.request")],
    status: Annotated[str | None, Query(pattern="^(requested|refused|erased)$")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Erasures in your scope: who waits for a second person, who was refused, who is erased."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, str)[0] if after else ""
    found = await at.read(lambda session: queries.list_erasures(session, at.caller, status, start, limit + 1))
    more = to_cursor(key, found[limit - 1].case_id) if len(found) > limit else None
    return page_of(found[:limit], more, request)


@router.get(
    "/cases/{case_id}/erasure",
    response_model=ErasureView,
    responses=raises(CaseUnknown, ErasureUnknown),
    openapi_extra=sample(ERASURE),
)
async def get_erasure(case_id: Annotated[Id, Path()], at: Annotated[Door, door("erasure.request")]) -> Response:
    """Who asked for the erasure, and what came of it."""
    if await at.read(lambda session: queries.find_case(session, at.caller, case_id)) is None:
        raise CaseUnknown
    found = await at.read(lambda session: queries.find_erasure(session, case_id))
    if found is None:
        raise ErasureUnknown
    return shown(found)


@router.post(
    "/cases/{case_id}/legal-holds",
    status_code=201,
    response_model=HoldView,
    responses=raises(CaseUnknown, PersonErased, IdTaken),
    openapi_extra=sample(HOLD, 201),
)
async def set_hold(case_id: Annotated[Id, Path()], body: SetHold, at: Annotated[Door, door("hold.manage")]) -> Response:
    """Legal proceedings need this person's data: nobody erases it."""
    return await at.write(lambda work: holds.set_hold(work, case_id, body))


@router.post(
    "/cases/{case_id}/legal-holds/{hold_id}/lifting",
    status_code=201,
    response_model=HoldView,
    responses=raises(CaseUnknown, PersonErased, HoldUnknown),
    openapi_extra=sample(HOLD | {"lifted_because": "proceedings_ended", "lifted_by": "contoh-supervisor"}, 201),
)
async def lift_hold(
    case_id: Annotated[Id, Path()],
    hold_id: Annotated[Id, Path()],
    body: LiftHold,
    at: Annotated[Door, door("hold.manage")],
) -> Response:
    """The proceedings need it no longer."""
    return await at.write(lambda work: holds.lift_hold(work, case_id, hold_id, body))


@router.get(
    "/cases/{case_id}/legal-holds",
    response_model=Page[HoldView],
    responses=raises(CaseUnknown),
    openapi_extra=sample({"items": [HOLD]}),
)
async def list_holds(case_id: Annotated[Id, Path()], at: Annotated[Door, door("hold.manage")]) -> Response:
    """The legal holds of a case, standing and lifted, oldest first."""
    if await at.read(lambda session: queries.find_case(session, at.caller, case_id)) is None:
        raise CaseUnknown
    return shown(Page(items=await at.read(lambda session: holds.list_holds(session, case_id))))


@router.get(
    "/cases/{case_id}/legal-holds/{hold_id}",
    response_model=HoldView,
    responses=raises(CaseUnknown, PersonErased, HoldUnknown),
    openapi_extra=sample(HOLD | {"has_note": True, "note": "Contoh catatan."}),
)
async def read_hold(
    case_id: Annotated[Id, Path()], hold_id: Annotated[Id, Path()], at: Annotated[Door, door("hold.manage")]
) -> Response:
    """One legal hold with its notes; every read is noted."""
    held = await at.do(lambda work: holds.read_hold(work, case_id, hold_id))
    return shown(held, headers={"Cache-Control": "no-store"})
