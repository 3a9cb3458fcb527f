"""Referrals as they arrive from the posts, and their answers."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.shelter.commands import referrals as commands
from services.shelter.problems import FacilityUnknown, ReferralAnswered, ReferralUnknown
from services.shelter.queries.referrals import list_referrals as asked
from services.shelter.routes.router import door, router
from services.shelter.schemas import (
    ID_EXAMPLE,
    AcceptReferrals,
    AnsweredReferrals,
    ReferralStatus,
    ReferralView,
    RejectReferrals,
)
from shared.http.bodies import PlaceCode
from shared.http.door import Door, page_of
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import link, sample

ANSWERED = {
    "referral_id": ID_EXAMPLE,
    "case_id": ID_EXAMPLE,
    "facility": "RPTC-TANJUNG-PINANG",
    "status": "accepted",
}
AFTER_ACCEPTANCE = {
    "the person comes": link(
        "check_in_shelter_stays_check_in_post",
        {
            "facility": "$response.body#/referrals/0/facility",
            "on": "2026-11-03",
            "people": [{"case_id": "$response.body#/referrals/0/case_id", "room_type": "female"}],
        },
    )
}
PENDING = ANSWERED | {"status": "pending", "sex": "F", "age_band": "30--38", "needs": ["ground_floor"]}


@router.get(
    "/referrals",
    response_model=Page[ReferralView],
    responses=raises(),
    openapi_extra=sample({"items": [PENDING]}),
)
async def list_referrals(
    request: Request,
    at: Annotated[Door, door("referral.read")],
    status: Annotated[ReferralStatus | None, Query()] = None,
    facility: Annotated[PlaceCode | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Whom your shelters are asked to take in, oldest first."""
    key = at.service.desk.secrets.cursor
    (start,) = from_cursor(key, after, str) if after else ("",)
    found = await at.read(lambda session: asked(session, at.caller, status, facility, start, limit + 1))
    more = to_cursor(key, found[limit - 1].referral_id) if len(found) > limit else None
    return page_of(found[:limit], more, request)


@router.post(
    "/referrals/acceptance",
    status_code=201,
    response_model=AnsweredReferrals,
    responses=raises(FacilityUnknown, ReferralUnknown, ReferralAnswered),
    openapi_extra=sample({"referrals": [ANSWERED]}, 201, AFTER_ACCEPTANCE),
)
async def accept_referrals(body: AcceptReferrals, at: Annotated[Door, door("referral.decide")]) -> Response:
    """Take people in: custody passes to the shelter; all of them, or nobody."""
    return await at.write(lambda work: commands.accept_referrals(work, body))


@router.post(
    "/referrals/rejection",
    status_code=201,
    response_model=AnsweredReferrals,
    responses=raises(FacilityUnknown, ReferralUnknown, ReferralAnswered),
    openapi_extra=sample({"referrals": [ANSWERED | {"status": "rejected"}]}, 201),
)
async def reject_referrals(body: RejectReferrals, at: Annotated[Door, door("referral.decide")]) -> Response:
    """Say that people cannot be taken in; all of them, or nobody."""
    return await at.write(lambda work: commands.reject_referrals(work, body))
