"""The season in figures."""

from typing import Annotated

from fastapi import Query, Response

from services.exchange.indicators import indicators
from services.exchange.routes.router import door, router
from services.exchange.schemas import Indicators
from shared.http.door import Door, shown
from shared.http.problems import Invalid, raises
from shared.http.samples import sample
from shared.times import SensibleDate

INDICATORS = {
    "cases": 4497,
    "sent_home": 4340,
    "still_resident": 157,
    "resident_by_shelter": {"RPTC-TANJUNG-PINANG": 74},
    "checked_in_by_shelter": {"RPTC-TANJUNG-PINANG": 2154},
    "beds_by_shelter": {"RPTC-TANJUNG-PINANG": 94},
    "peak_occupancy_by_shelter": {"RPTC-TANJUNG-PINANG": 77},
    "bed_nights_by_shelter": {"RPTC-TANJUNG-PINANG": 13095},
    "by_trafficking_status": {"ActualVictimOfTrafficking": 809},
    "by_arrival_point": {"TNJ": 1095},
    "by_sex": {"F": 2099, "M": 2398},
    "hygiene_kits_issued": 4497,
    "psychosocial_sessions": 4131,
    "identity_consent": {"iom": 2422},
}


@router.get("/indicators", response_model=Indicators, responses=raises(), openapi_extra=sample(INDICATORS))
async def read_indicators(
    at: Annotated[Door, door("indicators.exact")],
    since: Annotated[SensibleDate, Query(alias="from")],
    until: Annotated[SensibleDate, Query()],
) -> Response:
    """The exact figures of these days, both included, built only from events."""
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
    return shown(await at.study(lambda session: indicators(session, since, until)))
