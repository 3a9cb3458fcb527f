"""Arrival points, and the shelters that can be referred to."""

from typing import Annotated

from fastapi import Header, Path, Response

from services.intake import queries
from services.intake.commands import places as commands
from services.intake.models import Place
from services.intake.problems import CodeOfShelter, PlaceUnknown
from services.intake.routes.router import door, router
from services.intake.schemas.places import PlaceView, PutArrivalPoint
from shared.http.bodies import PlaceCode
from shared.http.door import Door, shown
from shared.http.pages import Page
from shared.http.preconditions import PreconditionFailed, PreconditionRequired, etag_of
from shared.http.problems import raises
from shared.http.samples import sample

EXAMPLE = {
    "code": "TNJ",
    "kind": "arrival_point",
    "name": "Pelabuhan Sri Bintan Pura, Tanjung Pinang",
    "agency": "bp2mi",
    "regency": "21.72",
    "time_zone": "Asia/Jakarta",
}


@router.put(
    "/arrival-points/{code}",
    response_model=PlaceView,
    responses=raises(CodeOfShelter, PreconditionFailed, PreconditionRequired),
    openapi_extra=sample(EXAMPLE),
)
async def put_arrival_point(
    code: Annotated[PlaceCode, Path()],
    body: PutArrivalPoint,
    at: Annotated[Door, door("place.manage")],
    if_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Open an arrival point; with If-Match, change one."""

    place = await at.do(lambda work: commands.put_arrival_point(work, code, body, if_match))
    return shown(_view(place), headers={"ETag": etag_of(place.version)})


@router.get("/places", response_model=Page[PlaceView], responses=raises(), openapi_extra=sample({"items": [EXAMPLE]}))
async def list_places(at: Annotated[Door, door("place.read")]) -> Response:
    """Every arrival point and shelter that intake knows."""
    places = await at.read(queries.list_places)
    return shown(Page(items=[_view(place) for place in places]))


@router.get("/places/{code}", response_model=PlaceView, responses=raises(PlaceUnknown), openapi_extra=sample(EXAMPLE))
async def get_place(code: Annotated[PlaceCode, Path()], at: Annotated[Door, door("place.read")]) -> Response:
    """One place; its ETag is what a change must match."""
    place = await at.read(lambda session: session.get(Place, code))
    if place is None:
        raise PlaceUnknown
    return shown(_view(place), headers={"ETag": etag_of(place.version)})


def _view(place: Place) -> PlaceView:
    return PlaceView(**place.model_dump(exclude={"version"}))
