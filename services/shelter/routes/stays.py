"""Stays: planned, checked in, moved, checked out."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from services.shelter.commands import check_in as coming
from services.shelter.commands import check_out as leaving
from services.shelter.commands import moving, planning
from services.shelter.problems import (
    BedTaken,
    CaseUnknown,
    CheckedInAlready,
    FacilityUnknown,
    IdTaken,
    NoBedFree,
    NotCheckedIn,
    ReferralNeeded,
    StayIsOver,
    StaysOverlap,
    StayUnknown,
)
from services.shelter.queries import stays as queries
from services.shelter.queries.stays import StayFilter
from services.shelter.routes.router import door, router
from services.shelter.schemas import (
    ID_EXAMPLE,
    CheckIn,
    CheckOut,
    GiveUpPlan,
    MoveStay,
    PlanStays,
    Stays,
    StayStatus,
    StayView,
)
from shared.http.bodies import Id, PlaceCode
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import PersonErased, raises
from shared.http.samples import link, sample

NIGHTS = {"from_date": "2026-11-03"}
STAY = {
    "stay_id": ID_EXAMPLE,
    "case_id": ID_EXAMPLE,
    "facility": "RPTC-TANJUNG-PINANG",
    "status": "checked_in",
    **NIGHTS,
    "segments": [{"bed_id": ID_EXAMPLE, "room": "F1", "room_type": "female", **NIGHTS}],
}
LEFT = STAY | {"status": "checked_out", "until_date": "2026-11-08", "reason": "return_home"}
AFTER_PLAN = {
    "give it up": link("cancel_stay_shelter_stays__stay_id__cancel_post", stay_id="stays/0/stay_id"),
    "nobody came": link("note_no_show_shelter_stays__stay_id__no_show_post", stay_id="stays/0/stay_id"),
}
AFTER_CHECK_IN = {
    "the stay": link("get_stay_shelter_stays__stay_id__get", stay_id="stays/0/stay_id"),
    "another bed": link("move_stay_shelter_stays__stay_id__move_post", stay_id="stays/0/stay_id"),
    "the person leaves": link(
        "check_out_shelter_stays_check_out_post",
        {
            "facility": "$response.body#/stays/0/facility",
            "on": "2026-11-08",
            "reason": "return_home",
            "people": [{"stay_id": "$response.body#/stays/0/stay_id"}],
        },
    ),
}
GIVEN_UP = STAY | {"segments": []}
OF_TAKING_A_BED = (
    FacilityUnknown,
    CaseUnknown,
    PersonErased,
    ReferralNeeded,
    IdTaken,
    NoBedFree,
    BedTaken,
    CheckedInAlready,
    StaysOverlap,
)


@router.post(
    "/stays/plan",
    status_code=201,
    response_model=Stays,
    responses=raises(*OF_TAKING_A_BED),
    openapi_extra=sample({"stays": [STAY | {"status": "planned"}]}, 201, AFTER_PLAN),
)
async def plan_stays(body: PlanStays, at: Annotated[Door, door("stay.manage")]) -> Response:
    """Hold beds for people who were accepted; for all of them, or for nobody."""
    return await at.write(lambda work: planning.plan_stays(work, body))


@router.post(
    "/stays/check-in",
    status_code=201,
    response_model=Stays,
    responses=raises(*OF_TAKING_A_BED, StayIsOver),
    openapi_extra=sample({"stays": [STAY]}, 201, AFTER_CHECK_IN),
)
async def check_in(body: CheckIn, at: Annotated[Door, door("stay.manage")]) -> Response:
    """People come, from a planned bed or to a new one; all of them, or nobody."""
    return await at.write(lambda work: coming.check_in(work, body))


@router.post(
    "/stays/check-out",
    status_code=201,
    response_model=Stays,
    responses=raises(FacilityUnknown, CaseUnknown, StayUnknown, NotCheckedIn, StayIsOver),
    openapi_extra=sample({"stays": [LEFT]}, 201),
)
async def check_out(body: CheckOut, at: Annotated[Door, door("stay.manage")]) -> Response:
    """People leave, and their beds are free from that night; all of them, or nobody."""
    return await at.write(lambda work: leaving.check_out(work, body))


@router.post(
    "/stays/{stay_id}/move",
    status_code=201,
    response_model=StayView,
    responses=raises(StayUnknown, StayIsOver, NoBedFree, BedTaken),
    openapi_extra=sample(STAY, 201),
)
async def move_stay(
    stay_id: Annotated[Id, Path()], body: MoveStay, at: Annotated[Door, door("stay.manage")]
) -> Response:
    """Another bed from a night on."""
    return await at.write(lambda work: moving.move_stay(work, stay_id, body))


@router.post(
    "/stays/{stay_id}/no-show",
    status_code=201,
    response_model=StayView,
    responses=raises(StayUnknown, StayIsOver),
    openapi_extra=sample(GIVEN_UP | {"status": "no_show"}, 201),
)
async def note_no_show(
    stay_id: Annotated[Id, Path()], body: GiveUpPlan, at: Annotated[Door, door("stay.manage")]
) -> Response:
    """The person for whom a bed was held did not come."""
    return await at.write(lambda work: planning.note_no_show(work, stay_id, body))


@router.post(
    "/stays/{stay_id}/cancel",
    status_code=201,
    response_model=StayView,
    responses=raises(StayUnknown, StayIsOver),
    openapi_extra=sample(GIVEN_UP | {"status": "cancelled"}, 201),
)
async def cancel_stay(
    stay_id: Annotated[Id, Path()], body: GiveUpPlan, at: Annotated[Door, door("stay.manage")]
) -> Response:
    """A bed is held no more."""
    return await at.write(lambda work: planning.cancel_stay(work, stay_id, body))


@router.get("/stays", response_model=Page[StayView], responses=raises(), openapi_extra=sample({"items": [STAY]}))
async def list_stays(
    request: Request,
    at: Annotated[Door, door("stay.read")],
    facility: Annotated[PlaceCode | None, Query()] = None,
    status: Annotated[StayStatus | None, Query()] = None,
    case_id: Annotated[Id | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """The stays in your scope, by id."""
    key = at.service.desk.secrets.cursor
    (start,) = from_cursor(key, after, str) if after else ("",)
    wanted = StayFilter(facility=facility, status=status, case_id=case_id)
    found = await at.read(lambda session: queries.list_stays(session, at.caller, wanted, start, limit + 1))
    more = to_cursor(key, found[limit - 1].stay_id) if len(found) > limit else None
    return page_of(found[:limit], more, request)


@router.get("/stays/{stay_id}", response_model=StayView, responses=raises(StayUnknown), openapi_extra=sample(STAY))
async def get_stay(stay_id: Annotated[Id, Path()], at: Annotated[Door, door("stay.read")]) -> Response:
    """One stay, with every bed of it."""
    stay = await at.read(lambda session: queries.find_stay(session, at.caller, stay_id))
    if stay is None:
        raise StayUnknown
    return shown(stay)
