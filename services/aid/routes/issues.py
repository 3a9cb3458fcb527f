"""Goods handed to people, and aid's own figures."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.aid import queries
from services.aid.commands import issues
from services.aid.problems import CaseUnknown, IdTaken, NotInStock, StoreUnknown, TwiceInRequest
from services.aid.routes.router import door, router
from services.aid.schemas.goods import Item
from services.aid.schemas.issues import Figures, IssueAid, Issues, IssueView
from shared.http.bodies import PlaceCode
from shared.http.door import Door, page_of, shown
from shared.http.pages import After, Limit, Page, from_cursor, to_cursor
from shared.http.problems import Invalid, raises
from shared.http.samples import sample
from shared.times import SensibleDate

EXAMPLE = {
    "issue_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b24",
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "store": "RPTC-TANJUNG-PINANG",
    "item": "hygiene kit",
    "quantity": 1,
    "on": "2026-11-03",
}


@router.post(
    "/issues",
    status_code=201,
    response_model=Issues,
    responses=raises(StoreUnknown, CaseUnknown, TwiceInRequest, NotInStock, IdTaken),
    openapi_extra=sample({"issues": [EXAMPLE]}, 201),
)
async def issue_aid(body: IssueAid, at: Annotated[Door, door("aid.issue")]) -> Response:
    """Hand an item to a person or a group; everyone gets theirs, or nobody."""
    return await at.write(lambda work: issues.issue_aid(work, body))


@router.get("/issues", response_model=Page[IssueView], responses=raises(), openapi_extra=sample({"items": [EXAMPLE]}))
async def list_issues(
    request: Request,
    at: Annotated[Door, door("stock.read")],
    store: Annotated[PlaceCode | None, Query()] = None,
    item: Annotated[Item | None, Query()] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """What people were given at the stores in your scope, in the order of its recording."""
    key = at.service.desk.secrets.cursor
    start = from_cursor(key, after, int)[0] if after else 0
    rows = await at.read(
        lambda session: queries.list_entries(session, at.caller, store, item, "issued", start, limit + 1)
    )
    more = to_cursor(key, rows[limit - 1].position) if len(rows) > limit else None
    return page_of([issues.issue_view(row) for row in rows[:limit]], more, request)


@router.get(
    "/figures",
    response_model=Figures,
    responses=raises(),
    openapi_extra=sample(
        {
            "hygiene_kits_issued": 4497,
            "issued_by_item": {"hygiene kit": 4497},
            "stock_by_store": {"RPTC-BAMBU-APUS": {"PPE set": 150, "hygiene kit": 12}},
        }
    ),
)
async def aid_figures(
    at: Annotated[Door, door("figures.read")],
    since: Annotated[SensibleDate, Query(alias="from")],
    until: Annotated[SensibleDate, Query()],
) -> Response:
    """What was issued in these days, both included, and what is on the shelves now, at the stores in your scope."""
    if until < since:
        raise Invalid("ends before it begins", pointer="query.until")
    return shown(await at.study(lambda session: queries.figures(session, at.caller, since, until)))
