"""Who was asked to delete what, and has done so."""

from typing import Annotated, Literal

from fastapi import Query, Request, Response

from services.exchange import queries
from services.exchange.commands import deletions as commands
from services.exchange.problems import NoPolicy, RequestUnknown
from services.exchange.routes.router import door, router
from services.exchange.schemas import Acknowledge, DeletionView
from services.exchange.schemas.agencies import AgencyName
from shared.http.door import Door, page_of
from shared.http.pages import After, CursorUnknown, Limit, Page, from_cursor, to_cursor
from shared.http.problems import raises
from shared.http.samples import sample

CURSOR_KIND = "deletions"
EXAMPLE = {
    "event": "0192f0c1-6a10-7b21-8c11-0c5d1f0e9a01",
    "agency": "iom",
    "case_id": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "asks": "case",
    "asked_at": "2026-11-03T08:12:44Z",
    "due_at": "2026-11-06T08:12:44Z",
}
State = Literal["open", "overdue", "acknowledged"]


@router.get(
    "/consent-requests",
    response_model=Page[DeletionView],
    responses=raises(CursorUnknown),
    openapi_extra=sample({"items": [EXAMPLE]}),
)
async def list_requests(
    at: Annotated[Door, door("deletion.read")],
    request: Request,
    state: Annotated[State | None, Query(description="Only those that are open, overdue or acknowledged.")] = None,
    agency: Annotated[AgencyName | None, Query(description="Only of this agency.")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Requests to delete: your agency's own; every agency's for those who watch over all of them."""
    key = at.service.desk.secrets.cursor
    position, last = 0, ""
    if after is not None:
        kind, position, last = from_cursor(key, after, str, int, str)
        if kind != CURSOR_KIND:
            raise CursorUnknown(pointer="query.after")
    wanted = queries.Wanted(state, agency, (position, last), limit)
    found = await at.read(lambda session: queries.list_deletions(session, at.caller, wanted))
    more = to_cursor(key, CURSOR_KIND, *found.last) if found.last is not None else None
    return page_of(found.items, more, request)


@router.post(
    "/acknowledgements",
    status_code=201,
    response_model=DeletionView,
    responses=raises(NoPolicy, RequestUnknown),
    openapi_extra=sample(EXAMPLE | {"acknowledged_at": "2026-11-03T09:01:10Z"}, 201),
)
async def acknowledge(body: Acknowledge, at: Annotated[Door, door("feed.read")]) -> Response:
    """Say that your agency has deleted what an event asked it to delete. Said again, the first time stands."""
    return await at.write(lambda work: commands.acknowledge(work, body.event))
