"""The feed, `GET /exchange/feed`: the agency's whole log from its beginning, by a cursor."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any, NamedTuple

import httpx
import orjson

from pulang.subscriber.access import Access, Token
from pulang.subscriber.problems import CursorRefused, Refused, Unreadable
from pulang.subscriber.source import Batch, Positions
from shared.events.envelope import Event, NotAnEvent

PAGE = 1000
LONGEST_WAIT_SECONDS = 25.0
"""Of one long poll: the server's limit is 30."""
CURSOR = "feed"
"""Its name among the positions."""
FIRST_PAUSE_SECONDS = 0.5
"""Before the log is begun again for the second time in a row; doubled each time."""
MOST_BEGINNINGS = 6
"""In a row: a feed that still refuses the cursors that it gives out itself will not know the next one either."""

_log = logging.getLogger("pulang.subscriber")


class Feed:
    """Everything over HTTP: the simplest way in. The acknowledgements of any way go through it, too."""

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        types: Iterable[str] | None = None,
        page: int = PAGE,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        """`types`: only these types of events, and always what asks for deletion. Gaps are then not looked for, and it
        is to be named also where the token itself is limited to types. `page`: most events of one answer, up to 1000.
        `http`: a client of your own, for a proxy or another certificate authority. Raises ValueError."""
        self._access = Access(url, token, http)
        self._types = None if types is None else ",".join(sorted(types))
        if self._types == "":
            raise ValueError("types names none: leave it out to be told all of them")
        self._page = str(page)
        self._begun_again = 0

    @property
    def gapless(self) -> bool:
        return self._types is None

    async def next(self, at: Positions, wait_seconds: float) -> Batch:
        """See Source. A cursor that Pulang does not know any more is given up: its log is told from the beginning, and
        what was taken is recognised. Raises Refused where the cursors of that are not known either, again and again."""
        cursor = at.get(CURSOR)
        try:
            page = await self._read(cursor, min(wait_seconds, LONGEST_WAIT_SECONDS))
        except CursorRefused as refused:
            if cursor is None:
                raise
            if self._begun_again == MOST_BEGINNINGS:
                raise Refused(f"{refused}: the feed does not know the cursors that it gives out itself") from None
            if self._begun_again:
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2.0 ** (self._begun_again - 1))
            self._begun_again += 1
            _log.warning("the feed does not know its cursor any more: it is read from the beginning again")
            return Batch([], {CURSOR: None})
        if cursor is not None:
            self._begun_again = 0
        return Batch(page.events, {CURSOR: page.following})

    async def history(self, subject: str) -> list[Event]:
        found: list[Event] = []
        cursor = None
        while True:
            # Where the server does not know the filter it tells everything, so it is looked at here again.
            page = await self._read(cursor, 0.0, subject=subject)
            found += [event for event in page.events if event.subject == subject]
            # A cursor moves on with what others do: whoever waits for it to stand still waits for a quiet moment.
            if not page.more:
                return found
            cursor = page.following

    async def acknowledge(self, event_id: str) -> None:
        await self._access.post("/exchange/acknowledgements", {"event": event_id})

    async def close(self) -> None:
        await self._access.close()

    async def _read(self, cursor: str | None, wait_seconds: float, **query: str) -> "_Page":
        query |= {"limit": self._page, "wait": f"{wait_seconds:.3f}"}
        if cursor is not None:
            query["after"] = cursor
        if self._types is not None:
            query["types"] = self._types
        return _page_of(await self._access.get("/exchange/feed", query, wait_seconds))


class _Page(NamedTuple):
    events: list[Event]
    following: str
    more: bool
    """Whether the log went on behind it when it was read."""


def _page_of(answer: Any) -> _Page:
    said = answer if isinstance(answer, dict) else {}
    told, following, more = said.get("events"), said.get("next"), said.get("more")
    if not isinstance(told, list) or not isinstance(following, str) or not isinstance(more, bool):
        raise Unreadable("/exchange/feed did not answer with a page of events: is it the address of a Pulang?")
    try:
        return _Page([Event.from_bytes(orjson.dumps(one)) for one in told], following, more)
    except NotAnEvent as broken:
        raise Unreadable(f"the feed holds what is no event: {broken}") from None
