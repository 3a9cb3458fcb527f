"""The agency's log as a file."""

from functools import partial
from typing import Annotated

from fastapi import Request, Response

from services.exchange.export import AT_ONCE, MEDIA_TYPE, ExportFile, lines, packed
from services.exchange.feed import Feed
from services.exchange.problems import CursorOfAnother, NoPolicy, TooManyStreams
from services.exchange.routes.choosing import Subject, Types, choice_of, cursor_at, position_of
from services.exchange.routes.feed import EVENT, TAKES_GZIP
from services.exchange.routes.router import door, router
from services.exchange.stream import Reader, Streams
from shared.http.door import Door
from shared.http.pages import After, CursorUnknown
from shared.http.problems import raises

EXAMPLE = (
    f'{{"specversion":"1.0","type":"{EVENT["type"]}"}}\n{{"next":"mJ0kz1Q4c0dbImZlZWQiLCJpb20iLDQyXQ","end":true}}\n'
)


@router.get(
    "/export",
    status_code=200,
    response_class=ExportFile,
    responses=raises(NoPolicy, CursorUnknown, CursorOfAnother, TooManyStreams)
    | {
        200: {
            "description": "A CloudEvent to a line; lines with `next` say where to go on, the last one `end`, too.",
            "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": EXAMPLE}},
        }
    },
)
async def export_log(
    at: Annotated[Door, door("feed.read")],
    request: Request,
    after: After = None,
    types: Types = None,
    subject: Subject = None,
) -> Response:
    """What your agency may see, up to where its log stands now, as lines of JSON; from the start, or after a cursor.

    Each page is disclosed when it is sent. Where no line says `end` it was broken off: come again with the last `next`.
    After the end go on with the feed from there: what asks to delete since then comes there.
    """
    agency, key = at.caller.agency, at.service.desk.secrets.cursor
    feed, position = at.service.companion(Feed), position_of(key, agency, after)
    reader = Reader(
        agency=agency,
        choice=choice_of(at.caller, types, subject),
        ends=at.caller.expires_at,
        cursor=partial(cursor_at, key, agency),
    )
    close = at.service.companion(Streams).claim(agency)
    try:
        end = max(position, await feed.end(agency))
        first = await feed.page(agency, position, AT_ONCE, reader.choice)
    except BaseException:
        close()
        raise
    pages = lines(feed, reader, first, end)
    headers = {"Vary": "Accept-Encoding", "Content-Disposition": 'attachment; filename="pulang.ndjson"'}
    if TAKES_GZIP.search(request.headers.get("accept-encoding", "")):
        return ExportFile(packed(pages), close, headers | {"Content-Encoding": "gzip"})
    return ExportFile(pages, close, headers)
