"""Shipments between stores."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.aid import queries
from services.aid.commands import shipments
from services.aid.problems import (
    IdTaken,
    MoreThanThereIs,
    NotInStock,
    RequestNotApproved,
    RequestUnknown,
    ShipmentUnknown,
)
from services.aid.routes.router import door, router
from services.aid.schemas.requests import REQUEST_ID, SHIPMENT_ID, DispatchShipment, ReceiveShipment, ShipmentView
from shared.http.bodies import Id, PlaceCode
from shared.http.door import Door, page_of
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import link, sample

EXAMPLE = {
    "shipment_id": SHIPMENT_ID,
    "request_id": REQUEST_ID,
    "from_store": "RPTC-TANJUNG-PINANG",
    "to_store": "RPTC-BAMBU-APUS",
    "item": "hygiene kit",
    "quantity": 40,
    "received": 0,
    "status": "dispatched",
    "dispatched_on": "2026-11-04",
}

AFTER_DISPATCH = {
    "it arrives": link("receive_shipment_aid_shipments__shipment_id__receipt_post", shipment_id="shipment_id")
}


@router.post(
    "/shipments",
    status_code=201,
    response_model=ShipmentView,
    responses=raises(RequestUnknown, RequestNotApproved, MoreThanThereIs, NotInStock, IdTaken),
    openapi_extra=sample(EXAMPLE, 201, AFTER_DISPATCH),
)
async def dispatch_shipment(body: DispatchShipment, at: Annotated[Door, door("shipment.manage")]) -> Response:
    """Goods leave your store for an approved request."""
    return await at.write(lambda work: shipments.dispatch_shipment(work, body))


@router.post(
    "/shipments/{shipment_id}/receipt",
    status_code=201,
    response_model=ShipmentView,
    responses=raises(ShipmentUnknown, MoreThanThereIs, IdTaken),
    openapi_extra=sample(EXAMPLE | {"received": 40, "status": "received", "received_on": "2026-11-06"}, 201),
)
async def receive_shipment(
    shipment_id: Annotated[Id, Path()], body: ReceiveShipment, at: Annotated[Door, door("shipment.manage")]
) -> Response:
    """Goods reach your store, all of the shipment or a part of it."""
    return await at.write(lambda work: shipments.receive_shipment(work, shipment_id, body))


@router.get(
    "/shipments", response_model=Page[ShipmentView], responses=raises(), openapi_extra=sample({"items": [EXAMPLE]})
)
async def list_shipments(
    request: Request,
    at: Annotated[Door, door("stock.read")],
    store: Annotated[PlaceCode | None, Query()] = None,
    status: Annotated[str | None, Query(pattern="^(dispatched|partially_received|received)$")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Shipments that left a store in your scope, or go to one."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, str)[0] if after else ""
    rows = await at.read(lambda session: queries.list_shipments(session, at.caller, store, status, start, limit + 1))
    more = to_cursor(key, rows[limit - 1].shipment_id) if len(rows) > limit else None
    return page_of([shipments.shipment_view(row) for row in rows[:limit]], more, request)
