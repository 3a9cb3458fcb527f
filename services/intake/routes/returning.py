"""The journey home."""

from typing import Annotated

from fastapi import Path, Response

from services.intake import queries
from services.intake.commands import returning
from services.intake.problems import (
    CaseIsClosed,
    CaseUnknown,
    IdTaken,
    NotInHand,
    PlaceUnknown,
    ReturnNotPossible,
    TripUnknown,
)
from services.intake.routes.router import door, router
from services.intake.schemas.returning import ArriveTrip, DepartTrip, PlanTrip, TripView
from shared.http.bodies import Id
from shared.http.door import Door, shown
from shared.http.problems import PersonErased, raises
from shared.http.samples import link, sample

EXAMPLE = {
    "trip_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b11",
    "mode": "ship",
    "from_facility": "RPTC-TANJUNG-PINANG",
    "departs_on": "2026-11-08",
    "status": "planned",
    "people": [{"case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10", "regency": "35.07", "status": "planned"}],
}

AFTER_PLAN = {
    "the trip": link("get_trip_intake_trips__trip_id__get", trip_id="trip_id"),
    "it leaves": link("depart_trip_intake_trips__trip_id__departure_post", trip_id="trip_id"),
    "they are at home": link("arrive_trip_intake_trips__trip_id__arrivals_post", trip_id="trip_id"),
}


@router.post(
    "/trips",
    status_code=201,
    response_model=TripView,
    responses=raises(PlaceUnknown, CaseUnknown, PersonErased, CaseIsClosed, IdTaken, NotInHand, ReturnNotPossible),
    openapi_extra=sample(EXAMPLE, 201, AFTER_PLAN),
)
async def plan_trip(body: PlanTrip, at: Annotated[Door, door("return.manage")]) -> Response:
    """Give people seats on a trip home."""
    return await at.write(lambda work: returning.plan_trip(work, body))


@router.get("/trips/{trip_id}", response_model=TripView, responses=raises(TripUnknown), openapi_extra=sample(EXAMPLE))
async def get_trip(trip_id: Annotated[Id, Path()], at: Annotated[Door, door("return.read")]) -> Response:
    """A trip with its people."""
    found = await at.read(lambda session: queries.find_trip(session, at.caller, trip_id))
    if found is None:
        raise TripUnknown
    return shown(returning.trip_view(*found))


@router.post(
    "/trips/{trip_id}/departure",
    status_code=201,
    response_model=TripView,
    responses=raises(TripUnknown),
    openapi_extra=sample(EXAMPLE | {"status": "departed"}, 201),
)
async def depart_trip(
    trip_id: Annotated[Id, Path()], body: DepartTrip, at: Annotated[Door, door("return.manage")]
) -> Response:
    """The trip leaves, with everyone who has a seat."""
    return await at.write(lambda work: returning.depart_trip(work, trip_id, body))


@router.post(
    "/trips/{trip_id}/arrivals",
    status_code=201,
    response_model=TripView,
    responses=raises(TripUnknown, CaseUnknown, CaseIsClosed, ReturnNotPossible),
    openapi_extra=sample(EXAMPLE | {"status": "arrived"}, 201),
)
async def arrive_trip(
    trip_id: Annotated[Id, Path()], body: ArriveTrip, at: Annotated[Door, door("return.manage")]
) -> Response:
    """People are at home, handed over to the social office of their regency."""
    return await at.write(lambda work: returning.arrive_trip(work, trip_id, body))
