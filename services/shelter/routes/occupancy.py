"""How full the shelters are and were."""

from datetime import date
from typing import Annotated

from fastapi import Query, Response

from services.shelter.problems import FacilityUnknown
from services.shelter.queries import occupancy as queries
from services.shelter.routes.router import door, router
from services.shelter.schemas import Figures, Occupancy
from shared.http.bodies import PlaceCode
from shared.http.door import Door, shown
from shared.http.problems import Invalid, raises
from shared.http.samples import sample
from shared.times import SensibleDate

MOST_NIGHTS = 1000


@router.get(
    "/occupancy",
    response_model=Occupancy,
    responses=raises(FacilityUnknown),
    openapi_extra=sample(
        {
            "facility": "RPTC-TANJUNG-PINANG",
            "nights": [{"on": "2026-11-03", "beds": 94, "taken": 77, "held": 3}],
        }
    ),
)
async def get_occupancy(
    at: Annotated[Door, door("stay.read")],
    facility: Annotated[PlaceCode, Query()],
    on: Annotated[SensibleDate | None, Query(description="One night; or a range by `from` and `until`.")] = None,
    since: Annotated[SensibleDate | None, Query(alias="from", description="First night.")] = None,
    until: Annotated[SensibleDate | None, Query(description="Last night.")] = None,
) -> Response:
    """Beds there are, taken and held on one night, or on each night of a range (both ends included)."""
    first, last = _range(on, since, until)
    found = await at.read(lambda session: queries.occupancy(session, at.caller, facility, first, last))
    if found is None:
        raise FacilityUnknown
    return shown(found)


@router.get(
    "/figures",
    response_model=Figures,
    responses=raises(),
    openapi_extra=sample(
        {
            "sent_home": 4340,
            "still_resident": 157,
            "resident_by_shelter": {"POS-PONTIANAK": 46},
            "checked_in_by_shelter": {"POS-PONTIANAK": 1321},
            "beds_by_shelter": {"POS-PONTIANAK": 57},
            "peak_occupancy_by_shelter": {"POS-PONTIANAK": 46},
            "bed_nights_by_shelter": {"POS-PONTIANAK": 6492},
        }
    ),
)
async def shelter_figures(
    at: Annotated[Door, door("figures.read")],
    since: Annotated[SensibleDate, Query(alias="from")],
    until: Annotated[SensibleDate, Query()],
) -> Response:
    """Shelter's own figures over the shelters in your scope in these days, both included."""
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
    return shown(await at.study(lambda session: queries.figures(session, at.caller, since, until)))


def _range(on: date | None, since: date | None, until: date | None) -> tuple[date, date]:
    if on is not None:
        if since is not None or until is not None:
            raise Invalid("name one night or a range, not both", pointer="query.on")
        return on, on
    if since is None or until is None:
        raise Invalid("name one night, or the first and the last", pointer="query.from" if until else "query.until")
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
    if (until - since).days >= MOST_NIGHTS:
        raise Invalid(f"at most {MOST_NIGHTS} nights at once", pointer="query.until")
    return since, until
