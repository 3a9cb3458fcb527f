"""The worklist, and psychosocial's own figures."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.psychosocial import queries
from services.psychosocial.routes.router import door, router
from services.psychosocial.schemas import EntryView, Figures
from shared.http.bodies import PlaceCode
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import Invalid, raises
from shared.http.samples import sample
from shared.times import SensibleDate

EXAMPLE = {
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "status": "open",
    "care_layer": 3,
    "facility": "RPTC-TANJUNG-PINANG",
    "in_house": True,
}


@router.get("/worklist", response_model=Page[EntryView], responses=raises(), openapi_extra=sample({"items": [EXAMPLE]}))
async def list_worklist(
    request: Request,
    at: Annotated[Door, door("worklist.read")],
    facility: Annotated[PlaceCode | None, Query()] = None,
    status: Annotated[str | None, Query(pattern="^(open|closed)$")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """The people in your care, and those who were."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, str)[0] if after else ""
    rows = await at.read(lambda session: queries.worklist(session, at.caller, facility, status, start, limit + 1))
    more = to_cursor(key, rows[limit - 1].case_id) if len(rows) > limit else None
    return page_of(rows[:limit], more, request)


@router.get(
    "/figures",
    response_model=Figures,
    responses=raises(),
    openapi_extra=sample({"psychosocial_sessions": 4131, "by_layer": {"1": 1200, "2": 1800, "3": 1000, "4": 131}}),
)
async def psychosocial_figures(
    at: Annotated[Door, door("figures.read")],
    since: Annotated[SensibleDate, Query(alias="from")],
    until: Annotated[SensibleDate, Query()],
) -> Response:
    """Sessions at the facilities in your scope in these days, both included."""
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
    return shown(await at.study(lambda session: queries.figures(session, at.caller, since, until)))
