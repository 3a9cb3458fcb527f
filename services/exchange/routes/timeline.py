"""One case, from all services."""

from functools import partial
from typing import Annotated

import orjson
from fastapi import Path, Response

from services.exchange.feed import Feed
from services.exchange.problems import NoPolicy
from services.exchange.queries import read_case
from services.exchange.routes.choosing import choice_of
from services.exchange.routes.feed import EVENT
from services.exchange.routes.router import door, router
from services.exchange.schemas import Timeline
from services.exchange.timeline import causal_order, milestones
from shared.http.bodies import Id
from shared.http.door import Door
from shared.http.problems import NotFound, raises
from shared.http.samples import sample


@router.get(
    "/cases/{case_id}/timeline",
    response_model=Timeline,
    responses=raises(NoPolicy, NotFound),
    openapi_extra=sample(
        {
            "case_id": EVENT["subject"],
            "milestones": {"bed": {"at": "2026-11-03T05:00:00Z", "after_seconds": 7200}},
            "events": [EVENT],
        }
    ),
)
async def read_timeline(case_id: Annotated[Id, Path()], at: Annotated[Door, door("feed.read")]) -> Response:
    """A case as your agency may follow it: every service's events, what caused something before it.

    With how long it took to a bed, a kit, a session, and home. 404 where the person has not agreed to your agency.
    """
    directory, choice = at.service.companion(Feed).directory, choice_of(at.caller, None, None)
    found = await at.read(partial(read_case, directory=directory, agency=at.caller.agency, case=case_id))
    newest = max((event.grant or 0 for event in found), default=0)
    # An earlier grant is over: its ending stands in the history of the newest one.
    events = causal_order([event for event in found if event.grant in (None, newest) and choice.takes(event)])
    if not events:
        raise NotFound
    body = b'{"case_id":"%b","milestones":%b,"events":[%b]}' % (
        case_id.encode(),
        orjson.dumps(milestones(events)),
        b",".join(event.to_bytes() for event in events),
    )
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
