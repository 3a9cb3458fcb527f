"""The feed: what an agency may see, from a cursor on."""

import asyncio
import re
import zlib
from typing import Annotated

from fastapi import Query, Request, Response

from services.exchange.feed import Feed
from services.exchange.problems import CursorOfAnother, NoPolicy
from services.exchange.routes.choosing import Subject, Types, choice_of, cursor_at, position_of
from services.exchange.routes.router import door, router
from services.exchange.schemas import FeedPage
from shared.http.door import Door
from shared.http.pages import After, CursorUnknown
from shared.http.problems import raises
from shared.http.samples import sample

GZIP = 16 + zlib.MAX_WBITS
LEVEL = 3
"""Of compression: CloudEvents shrink to a tenth with it, and more takes longer than the wire."""
TAKES_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))")
WORTH_BYTES = 1400
"""What fits into one packet is sent as it is."""
EVENT = {
    "specversion": "1.0",
    "id": "0192f0c1-6a10-7b21-8c11-0c5d1f0e9a01",
    "source": "/pulang/shelter",
    "type": "pulang.stay.checked_in.v1",
    "subject": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "time": "2026-11-03T05:00:00.000000Z",
    "recordedtime": "2026-11-03T08:12:44.120934Z",
    "streamversion": 2,
    "partitionkey": "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10",
    "grant": 1,
    "datacontenttype": "application/json",
    "dataschema": "urn:pulang:schema:pulang.stay.checked_in.v1",
    "data": {
        "stay": "0192f0c1-7b3c-7d55-a0f4-5b1e5c3f1d02",
        "facility": "place-1f0a6c9d2b7e4835a6c1",
        "facility_province": "21",
        "room_type": "female",
        "on": "2026-11-03",
    },
}


@router.get(
    "/feed",
    response_model=FeedPage,
    responses=raises(NoPolicy, CursorUnknown, CursorOfAnother),
    openapi_extra=sample(
        {"events": [EVENT], "next": "mJ0kz1Q4c0dbImZlZWQiLCJpb20iLDQyXQ", "more": False, "gapless": True}
    ),
)
async def read_feed(
    at: Annotated[Door, door("feed.read")],
    request: Request,
    after: After = None,
    wait: Annotated[float, Query(ge=0, le=30, description="Seconds to wait for news where there is none.")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most events in the answer.")] = 500,
    types: Types = None,
    subject: Subject = None,
) -> Response:
    """What your agency may see, in the order of its log, as the person's consent allows now.

    Go on with `next`, which is there also when nothing is new. An event may come again under a later `grant`.
    """
    agency, key = at.caller.agency, at.service.desk.secrets.cursor
    choice = choice_of(at.caller, types, subject)
    stretch = await at.service.companion(Feed).read(agency, position_of(key, agency, after), limit, wait, choice)
    body = b'{"events":[%b],"next":"%b","more":%b,"gapless":%b}' % (
        b",".join(event.payload for event in stretch.events),
        cursor_at(key, agency, stretch.last).encode(),
        b"true" if stretch.full else b"false",
        b"true" if choice.gapless else b"false",
    )
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(body) > WORTH_BYTES and TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
        # On a thread: a page of a thousand takes longer than anything else of it.
        body = await asyncio.to_thread(zlib.compress, body, LEVEL, GZIP)
        headers["Content-Encoding"] = "gzip"
    return Response(body, media_type="application/json", headers=headers)
