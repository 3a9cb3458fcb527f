"""Donations."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.aid import queries
from services.aid.commands import donations
from services.aid.problems import DonationIsStocked, DonationUnknown, IdTaken, StoreUnknown
from services.aid.routes.router import door, router
from services.aid.schemas.donations import DonationView, PledgeDonation, ReceiveDonation
from shared.http.bodies import Id, PlaceCode
from shared.http.door import Door, page_of
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import link, sample

EXAMPLE = {
    "donation_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b21",
    "donor": "IOM",
    "donor_agency": "iom",
    "agency": "kemensos",
    "store": "POS-PONTIANAK",
    "item": "hygiene kit",
    "contents": ["cloth mask", "soap"],
    "quantity": 2500,
    "status": "pledged",
    "pledged_on": "2026-08-20",
}

AFTER_PLEDGE = {
    "it is there": link("receive_donation_aid_donations__donation_id__receipt_post", donation_id="donation_id")
}


@router.post(
    "/donations",
    status_code=201,
    response_model=DonationView,
    responses=raises(StoreUnknown, IdTaken),
    openapi_extra=sample(EXAMPLE, 201, AFTER_PLEDGE),
)
async def pledge_donation(body: PledgeDonation, at: Annotated[Door, door("donation.manage")]) -> Response:
    """Note what a donor promised to a store."""
    return await at.write(lambda work: donations.pledge_donation(work, body))


@router.post(
    "/donations/{donation_id}/receipt",
    status_code=201,
    response_model=DonationView,
    responses=raises(DonationUnknown, DonationIsStocked),
    openapi_extra=sample(EXAMPLE | {"status": "stocked", "received": 2500, "received_on": "2026-08-26"}, 201),
)
async def receive_donation(
    donation_id: Annotated[Id, Path()], body: ReceiveDonation, at: Annotated[Door, door("donation.manage")]
) -> Response:
    """The donated goods are on the shelf."""
    return await at.write(lambda work: donations.receive_donation(work, donation_id, body))


@router.get(
    "/donations", response_model=Page[DonationView], responses=raises(), openapi_extra=sample({"items": [EXAMPLE]})
)
async def list_donations(
    request: Request,
    at: Annotated[Door, door("stock.read")],
    store: Annotated[PlaceCode | None, Query()] = None,
    status: Annotated[str | None, Query(pattern="^(pledged|stocked)$")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Donations to the stores in your scope."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, str)[0] if after else ""
    rows = await at.read(lambda session: queries.list_donations(session, at.caller, store, status, start, limit + 1))
    more = to_cursor(key, rows[limit - 1].donation_id) if len(rows) > limit else None
    return page_of([donations.donation_view(row) for row in rows[:limit]], more, request)
