"""The live stream."""

from functools import partial
from typing import Annotated

from fastapi import Header, Response

from services.exchange.problems import CursorOfAnother, NoPolicy, TooManyStreams
from services.exchange.routes.choosing import Subject, Types, choice_of, cursor_at, position_of
from services.exchange.routes.feed import EVENT
from services.exchange.routes.router import door, router
from services.exchange.stream import EventStream, Reader, Streams
from shared.http.door import Door
from shared.http.pages import After, CursorUnknown
from shared.http.problems import raises

EXAMPLE = (
    "retry: 2000\n\n"
    f"event: {EVENT['type']}\n"
    'data: {"specversion":"1.0","type":"pulang.stay.checked_in.v1"}\n'
    "id: mJ0kz1Q4c0dbImZlZWQiLCJpb20iLDQyXQ\n\n"
)


@router.get(
    "/stream",
    status_code=200,
    response_class=EventStream,
    responses=raises(NoPolicy, CursorUnknown, CursorOfAnother, TooManyStreams)
    | {
        200: {
            "description": "Server-Sent Events: `id` is the cursor, `event` the type, `data` the CloudEvent.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
        }
    },
)
async def read_stream(
    at: Annotated[Door, door("feed.read")],
    after: After = None,
    types: Types = None,
    subject: Subject = None,
    last_event_id: Annotated[str | None, Header(max_length=500, description="The last `id` that you have.")] = None,
) -> Response:
    """What your agency may see, as it happens; from the start, after a cursor, or after `Last-Event-ID`.

    It ends with your token: come back with a new one and the last `id`. The token stands in the header alone, so a
    browser reads it by `fetch`, not by `EventSource`.
    """
    agency, key = at.caller.agency, at.service.desk.secrets.cursor
    reader = Reader(
        agency=agency,
        choice=choice_of(at.caller, types, subject),
        ends=at.caller.expires_at,
        cursor=partial(cursor_at, key, agency),
    )
    if last_event_id:
        position = position_of(key, agency, last_event_id, "header.Last-Event-ID")
    else:
        position = position_of(key, agency, after)
    return await at.service.companion(Streams).open(reader, position)
