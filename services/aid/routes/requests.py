"""Requests from store to store."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.aid import queries
from services.aid.commands import requests
from services.aid.problems import IdTaken, MoreThanThereIs, RequestDecided, RequestUnknown, SameStore, StoreUnknown
from services.aid.routes.router import door, router
from services.aid.schemas.requests import REQUEST_ID, ApproveRequest, RejectRequest, RequestView, SubmitRequest
from shared.http.bodies import Id, PlaceCode
from shared.http.door import Door, page_of
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import link, sample

EXAMPLE = {
    "request_id": REQUEST_ID,
    "from_store": "RPTC-TANJUNG-PINANG",
    "to_store": "RPTC-BAMBU-APUS",
    "item": "hygiene kit",
    "quantity": 40,
    "approval": "submitted",
    "dispatched": 0,
    "received": 0,
    "fulfilment": "none",
    "submitted_on": "2026-11-03",
}

AFTER_REQUEST = {
    "yes": link("approve_request_aid_requests__request_id__approval_post", request_id="request_id"),
    "no": link("reject_request_aid_requests__request_id__rejection_post", request_id="request_id"),
}


@router.post(
    "/requests",
    status_code=201,
    response_model=RequestView,
    responses=raises(StoreUnknown, SameStore, IdTaken),
    openapi_extra=sample(EXAMPLE, 201, AFTER_REQUEST),
)
async def submit_request(body: SubmitRequest, at: Annotated[Door, door("request.make")]) -> Response:
    """Ask another store for goods that yours needs."""
    return await at.write(lambda work: requests.submit_request(work, body))


@router.post(
    "/requests/{request_id}/approval",
    status_code=201,
    response_model=RequestView,
    responses=raises(RequestUnknown, RequestDecided, MoreThanThereIs),
    openapi_extra=sample(EXAMPLE | {"approval": "approved", "approved": 40}, 201),
)
async def approve_request(
    request_id: Annotated[Id, Path()], body: ApproveRequest, at: Annotated[Door, door("request.decide")]
) -> Response:
    """Your store will send what it was asked for, or fewer."""
    return await at.write(lambda work: requests.approve_request(work, request_id, body))


@router.post(
    "/requests/{request_id}/rejection",
    status_code=201,
    response_model=RequestView,
    responses=raises(RequestUnknown, RequestDecided),
    openapi_extra=sample(EXAMPLE | {"approval": "rejected"}, 201),
)
async def reject_request(
    request_id: Annotated[Id, Path()], body: RejectRequest, at: Annotated[Door, door("request.decide")]
) -> Response:
    """Your store will not send what it was asked for."""
    return await at.write(lambda work: requests.reject_request(work, request_id, body))


@router.get(
    "/requests", response_model=Page[RequestView], responses=raises(), openapi_extra=sample({"items": [EXAMPLE]})
)
async def list_requests(
    request: Request,
    at: Annotated[Door, door("stock.read")],
    store: Annotated[PlaceCode | None, Query()] = None,
    approval: Annotated[str | None, Query(pattern="^(submitted|approved|rejected)$")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Requests that a store in your scope made or was asked for."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, str)[0] if after else ""
    rows = await at.read(lambda session: queries.list_requests(session, at.caller, store, approval, start, limit + 1))
    more = to_cursor(key, rows[limit - 1].request_id) if len(rows) > limit else None
    return page_of([requests.request_view(row) for row in rows[:limit]], more, request)
