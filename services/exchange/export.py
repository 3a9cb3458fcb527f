"""An agency's log as a file: a CloudEvent to a line, up to where the log stood when it was asked for.

Each page is read and disclosed right before it is sent, so a consent that ends meanwhile ends it here, too. After each
page a line says where to go on; who has the last one, which says `end`, has all of it. What asks to delete something
that an earlier page held may stand behind the end: it comes with the feed from there on.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator

import orjson
import structlog

from services.exchange.feed import Feed
from services.exchange.problems import NoPolicy
from services.exchange.queries import Stretch
from services.exchange.stream import EventStream, Reader
from shared.database.protocol import DatabaseUnavailable
from shared.times import utc_now

MEDIA_TYPE = "application/x-ndjson"
AT_ONCE = 100
"""Rows of the log in a page, some 70 KB: who takes 30 kbit/s gets past each before they are held to take nothing."""
GZIP = 16 + zlib.MAX_WBITS
LEVEL = 3

log = structlog.get_logger()


class ExportFile(EventStream):
    """As a stream it ends where its reader takes nothing any more."""

    media_type = MEDIA_TYPE


async def lines(feed: Feed, reader: Reader, first: Stretch, end: int) -> AsyncIterator[bytes]:
    """Pages of lines, from `first` up to the position `end`. Without a last line that says `end` it was broken off:
    the token has ended, the agency has left, or the service stops."""
    stretch = first
    try:
        while True:
            reached = min(stretch.last, end)
            over = stretch.last >= end or not stretch.full
            told = [event.payload + b"\n" for event in stretch.events if event.position <= end]
            said: dict[str, object] = {"next": reader.cursor(reached)} | ({"end": True} if over else {})
            yield b"".join(told) + orjson.dumps(said) + b"\n"
            if over or feed.stopping or reader.ends <= utc_now():
                return
            stretch = await feed.page(reader.agency, stretch.last, AT_ONCE, reader.choice)
    except (NoPolicy, DatabaseUnavailable) as ended:
        log.info("export is broken off", agency=reader.agency, because=type(ended).__name__)


async def packed(pages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """As gzip, each page whole as soon as it is sent."""
    gzip = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)

    def pack(page: bytes) -> bytes:
        return gzip.compress(page) + gzip.flush(zlib.Z_SYNC_FLUSH)

    async for page in pages:
        yield await asyncio.to_thread(pack, page)
    yield gzip.flush()
