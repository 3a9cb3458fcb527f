"""The feed as it happens: Server-Sent Events, each with its cursor as its id.

Who comes back with `Last-Event-ID` misses nothing: the log is the same, and what it shows is decided when it is sent.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from services.exchange.feed import Feed
from services.exchange.problems import NoPolicy, TooManyStreams
from services.exchange.queries import Choice, Disclosed, Stretch
from shared.database.protocol import DatabaseUnavailable
from shared.times import utc_now

HEARTBEAT_SECONDS = 15.0
"""A sign of life for proxies and clients."""
SLOW_SECONDS = 20.0
"""Who takes nothing for so long is cut off: what waits for them would only grow."""
AT_ONCE = 200
PER_AGENCY = 64
"""Streams that one agency may have on one replica."""
RETRY_MS = 2000
"""After so long a client connects again by itself."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose stream it is, and what it shows. `ends`: with its token."""

    agency: str
    choice: Choice
    ends: datetime
    cursor: Callable[[int], str]


class Streams:
    """The streams of one replica: so many, and no more."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._open: Counter[str] = Counter()

    async def start(self) -> None:
        """Nothing to start: streams are opened by who reads them."""

    async def stop(self) -> None:
        """Nothing to stop: they end with the feed."""

    def failed(self) -> BaseException | None:
        return None

    def count(self, agency: str) -> int:
        """How many it has open here."""
        return self._open[agency]

    def total(self) -> int:
        return self._open.total()

    async def open(self, reader: Reader, after: int) -> "EventStream":
        """A stream from a position on. Raises NoPolicy, TooManyStreams, DatabaseUnavailable: before its first byte."""
        close = self.claim(reader.agency)
        try:
            first = await self._feed.read(reader.agency, after, AT_ONCE, 0, reader.choice)
        except BaseException:
            close()
            raise
        return EventStream(self._told(reader, first), close)

    def claim(self, agency: str) -> Callable[[], None]:
        """A place for one more, counted before anything is waited for: others come in meanwhile. What gives it back.

        Raises TooManyStreams.
        """
        if self.count(agency) >= PER_AGENCY:
            raise TooManyStreams
        self._open[agency] += 1
        return partial(self._close, agency)

    def _close(self, agency: str) -> None:
        self._open[agency] -= 1

    async def _told(self, reader: Reader, stretch: Stretch) -> AsyncIterator[bytes]:
        try:
            yield format_sse_event(retry=RETRY_MS)
            while True:
                if stretch.events:
                    yield b"".join(_event(reader, one) for one in stretch.events)
                else:
                    yield format_sse_event(comment="nothing new", id=reader.cursor(stretch.last))
                left = (reader.ends - utc_now()).total_seconds()
                if left <= 0 or self._feed.stopping:
                    return
                wait = min(left, HEARTBEAT_SECONDS)
                stretch = await self._feed.read(reader.agency, stretch.last, AT_ONCE, wait, reader.choice)
        except (NoPolicy, DatabaseUnavailable) as ended:
            log.info("stream ends", agency=reader.agency, because=type(ended).__name__)


class EventStream(StreamingResponse):
    """Ends where its reader takes nothing any more."""

    media_type = "text/event-stream"

    def __init__(
        self, told: AsyncIterator[bytes], ended: Callable[[], None], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(told, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", **(headers or {})})
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ended()

    async def stream_response(self, send: Send) -> None:
        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SLOW_SECONDS):
                await send(message)

        try:
            await super().stream_response(in_time)
        except TimeoutError:
            log.info("stream cut off", because="its reader is too slow")


def _event(reader: Reader, told: Disclosed) -> bytes:
    """The bytes of the CloudEvent are one line: JSON has its line breaks escaped."""
    return format_sse_event(event=told.type, data_str=told.payload.decode(), id=reader.cursor(told.position))
