"""Shelters with their rooms and beds."""

from typing import Annotated

from fastapi import Header, Path, Response

from services.shelter.commands import facilities as commands
from services.shelter.problems import FacilityUnknown, RoomInUse
from services.shelter.queries import facilities as queries
from services.shelter.routes.router import door, router
from services.shelter.schemas import FACILITY_EXAMPLE, FacilityView, PutFacility
from shared.http.bodies import PlaceCode
from shared.http.door import Door, shown
from shared.http.pages import Page
from shared.http.preconditions import PreconditionFailed, PreconditionRequired, etag_of
from shared.http.problems import raises
from shared.http.samples import sample
from shared.work import Work

EXAMPLE = FACILITY_EXAMPLE | {
    "code": "RPTC-TANJUNG-PINANG",
    "beds": 1,
    "rooms": [{"name": "M1", "type": "male", "beds": 1, "bed_ids": ["0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"]}],
}


@router.put(
    "/facilities/{code}",
    response_model=FacilityView,
    responses=raises(RoomInUse, PreconditionFailed, PreconditionRequired),
    openapi_extra=sample(EXAMPLE),
)
async def put_facility(
    code: Annotated[PlaceCode, Path()],
    body: PutFacility,
    at: Annotated[Door, door("facility.manage")],
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Open a shelter; with If-Match, change its particulars, rooms or beds."""

    def put(work: Work) -> tuple[FacilityView, int]:
        place = commands.put_facility(work, code, body, if_match)
        return queries.view_of(work.session, place), place.version

    view, version = await at.do(put)
    return shown(view, headers={"ETag": etag_of(version)})


@router.get(
    "/facilities",
    response_model=Page[FacilityView],
    responses=raises(),
    openapi_extra=sample({"items": [EXAMPLE]}),
)
async def list_facilities(at: Annotated[Door, door("facility.read")]) -> Response:
    """The shelters in your scope."""
    places = await at.read(lambda session: queries.list_facilities(session, at.caller))
    return shown(Page(items=places))


@router.get(
    "/facilities/{code}",
    response_model=FacilityView,
    responses=raises(FacilityUnknown),
    openapi_extra=sample(EXAMPLE),
)
async def get_facility(code: Annotated[PlaceCode, Path()], at: Annotated[Door, door("facility.read")]) -> Response:
    """One shelter; its ETag is what a change must match."""
    found = await at.read(lambda session: queries.find_facility(session, at.caller, code))
    if found is None:
        raise FacilityUnknown
    view, version = found
    return shown(view, headers={"ETag": etag_of(version)})
