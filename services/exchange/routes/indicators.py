"""The season in figures."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import Query, Response

from services.exchange.indicators import By, indicators, series
from services.exchange.routes.router import door, router
from services.exchange.schemas import Indicators, Series
from shared.http.door import Door, shown
from shared.http.problems import Invalid, raises
from shared.http.samples import sample
from shared.times import SensibleDate

MOST_DAYS = 366
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
    _see_that_it_is_a_period(since, until)
    return shown(await at.study(lambda session: indicators(session, since, until)))


SERIES = {
    "by": "sex",
    "days": ["2020-01-03", "2020-01-04"],
    "figures": {"arrivals": {"F": [12, 0], "M": [15, 3]}, "resident": {"F": [10, 10], "M": [14, 17]}},
    "totals": {"arrivals": {"F": 12, "M": 18}},
}


@router.get("/indicators/series", response_model=Series, responses=raises(), openapi_extra=sample(SERIES))
async def read_series(
    at: Annotated[Door, door("figures.read")],
    since: Annotated[SensibleDate, Query(alias="from")],
    until: Annotated[SensibleDate, Query()],
    by: Annotated[By, Query(description="Every measure is split by this.")] = "place",
) -> Response:
    """The exact figures of each of these days, at most 366, of the places in your scope.

    Status and age band are those known now; `place` is where it happened.
    """
    _see_that_it_is_a_period(since, until)
    if until - since >= timedelta(days=MOST_DAYS):
        raise Invalid(f"is more than {MOST_DAYS} days", pointer="query.until")
    return shown(await at.study(lambda session: series(session, at.caller, by, since, until)))


def _see_that_it_is_a_period(since: date, until: date) -> None:
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
