"""What a supervisor has to approve: identification as a victim, handing over, closing while work is open."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.intake import queries
from services.intake.commands import closing, deciding, identifying
from services.intake.problems import (
    ApprovalAsked,
    ApprovalEnded,
    ApprovalNotNeeded,
    ApprovalUnknown,
    CaseIsClosed,
    CaseUnknown,
    IdTaken,
    OpenWorkChanged,
    SecondPersonNeeded,
)
from services.intake.routes.cases import CASE_ID
from services.intake.routes.router import door, router
from services.intake.schemas.approvals import (
    ApprovalView,
    Approve,
    Kind,
    Reject,
    RequestClosure,
    RequestIdentification,
)
from shared.http.bodies import Id
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import PersonErased, raises
from shared.http.samples import link, sample

IDENTIFICATION = {
    "approval_id": CASE_ID,
    "case_id": CASE_ID,
    "kind": "identification",
    "status": "requested",
    "finding": {
        "trafficking_status": "ActualVictimOfTrafficking",
        "decided_by": "Police",
        "methods_of_control": ["WithholdsDocuments"],
        "types_of_exploitation": ["ForcedLabour"],
    },
    "occurred_at": "2026-11-05T05:00:00Z",
    "open_work": [],
    "requested_by": "contoh-petugas",
    "requested_at": "2026-11-05T08:00:00Z",
}
CLOSING = {
    "approval_id": CASE_ID,
    "case_id": CASE_ID,
    "kind": "transfer",
    "status": "requested",
    "outcome": "transferred",
    "occurred_at": "2026-11-09T05:00:00Z",
    "open_work": [{"code": "stay", "id": CASE_ID}],
    "requested_by": "contoh-supervisor",
    "requested_at": "2026-11-09T08:00:00Z",
}
DECIDED = {"decided_by": "contoh-kepala", "decided_at": "2026-11-10T03:00:00Z"}
NEXT = {
    "it": link("get_approval_intake_approvals__approval_id__get", approval_id="approval_id"),
    "no": link("reject_intake_approvals__approval_id__rejection_post", approval_id="approval_id"),
    "never mind": link("withdraw_intake_approvals__approval_id__withdrawal_post", approval_id="approval_id"),
}


@router.post(
    "/cases/{case_id}/identification",
    status_code=201,
    response_model=ApprovalView,
    responses=raises(CaseUnknown, PersonErased, CaseIsClosed, ApprovalAsked, IdTaken),
    openapi_extra=sample(IDENTIFICATION, 201, NEXT),
)
async def request_identification(
    case_id: Annotated[Id, Path()], body: RequestIdentification, at: Annotated[Door, door("identification.request")]
) -> Response:
    """Propose that the person is identified as a victim of trafficking; a supervisor has to approve it."""
    return await at.write(lambda work: identifying.request_identification(work, case_id, body))


@router.post(
    "/cases/{case_id}/closure",
    status_code=201,
    response_model=ApprovalView,
    responses=raises(CaseUnknown, PersonErased, CaseIsClosed, ApprovalNotNeeded, ApprovalAsked, IdTaken),
    openapi_extra=sample(CLOSING, 201, NEXT),
)
async def request_closure(
    case_id: Annotated[Id, Path()], body: RequestClosure, at: Annotated[Door, door("case.close")]
) -> Response:
    """Ask for a closing that a second person has to approve: the person is handed over to another organisation, or work
    is open."""
    return await at.write(lambda work: closing.request_closure(work, case_id, body))


@router.post(
    "/approvals/{approval_id}/approval",
    status_code=201,
    response_model=ApprovalView,
    responses=raises(ApprovalUnknown, PersonErased, SecondPersonNeeded, ApprovalEnded, OpenWorkChanged),
    openapi_extra=sample(CLOSING | DECIDED | {"status": "approved"}, 201),
)
async def approve(
    approval_id: Annotated[Id, Path()], body: Approve, at: Annotated[Door, door("approval.decide")]
) -> Response:
    """Let it be done, by somebody else than who asked for it, knowing what is open."""
    try:
        return await at.write(lambda work: deciding.approve(work, approval_id, body))
    except SecondPersonNeeded:
        await at.do(lambda work: deciding.note_refusal(work, approval_id, "approve"))
        raise


@router.post(
    "/approvals/{approval_id}/rejection",
    status_code=201,
    response_model=ApprovalView,
    responses=raises(ApprovalUnknown, PersonErased, SecondPersonNeeded, ApprovalEnded),
    openapi_extra=sample(IDENTIFICATION | DECIDED | {"status": "rejected", "because": "unfounded"}, 201),
)
async def reject(
    approval_id: Annotated[Id, Path()], body: Reject, at: Annotated[Door, door("approval.decide")]
) -> Response:
    """Do not let it be done, and say why."""
    try:
        return await at.write(lambda work: deciding.reject(work, approval_id, body))
    except SecondPersonNeeded:
        await at.do(lambda work: deciding.note_refusal(work, approval_id, "reject"))
        raise


@router.post(
    "/approvals/{approval_id}/withdrawal",
    status_code=201,
    response_model=ApprovalView,
    responses=raises(ApprovalUnknown, PersonErased, ApprovalEnded),
    openapi_extra=sample(IDENTIFICATION | DECIDED | {"status": "withdrawn"}, 201),
)
async def withdraw(approval_id: Annotated[Id, Path()], at: Annotated[Door, door("approval.withdraw")]) -> Response:
    """Take back what you or a colleague asked for."""
    return await at.write(lambda work: deciding.withdraw(work, approval_id))


@router.get(
    "/approvals",
    response_model=Page[ApprovalView],
    responses=raises(),
    openapi_extra=sample({"items": [IDENTIFICATION, CLOSING]}),
)
async def list_approvals(
    request: Request,
    at: Annotated[Door, door("approval.read")],
    status: Annotated[str | None, Query(pattern="^(requested|approved|rejected|withdrawn|ended)$")] = None,
    kind: Annotated[Kind | None, Query()] = None,
    case: Annotated[Id | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """What waits for a supervisor in your scope (`status=requested`), and what was decided."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, str)[0] if after else ""
    wanted = queries.ApprovalFilter(status, kind, case)
    found = await at.read(lambda session: queries.list_approvals(session, at.caller, wanted, start, limit + 1))
    more = to_cursor(key, found[limit - 1].approval_id) if len(found) > limit else None
    return page_of(found[:limit], more, request)


@router.get(
    "/approvals/{approval_id}",
    response_model=ApprovalView,
    responses=raises(ApprovalUnknown),
    openapi_extra=sample(CLOSING),
)
async def get_approval(approval_id: Annotated[Id, Path()], at: Annotated[Door, door("approval.read")]) -> Response:
    """What was asked for, what is open now, and what came of it."""
    wanted = queries.ApprovalFilter(approval_id=approval_id)
    found = await at.read(lambda session: queries.list_approvals(session, at.caller, wanted))
    if not found:
        raise ApprovalUnknown
    return shown(found[0])
