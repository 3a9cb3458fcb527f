"""The feed, `GET /exchange/feed`: the agency's whole log from its beginning, by a cursor."""

import logging
from collections.abc import Iterable
from typing import Any

import httpx
import orjson

from pulang.subscriber.access import Access, Token
from pulang.subscriber.problems import CursorRefused, Unreadable
from pulang.subscriber.source import Batch, Positions
from shared.events.envelope import Event, NotAnEvent

PAGE = 1000
LONGEST_WAIT_SECONDS = 25.0
"""Of one long poll: the server's limit is 30."""
CURSOR = "feed"
"""Its name among the positions."""

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

    @property
    def gapless(self) -> bool:
        return self._types is None

    async def next(self, at: Positions, wait_seconds: float) -> Batch:
        """See Source. A cursor that Pulang does not know any more is given up: its log is told from the beginning, and
        what was taken is recognised."""
        cursor = at.get(CURSOR)
        try:
            events, following = await self._read(cursor, min(wait_seconds, LONGEST_WAIT_SECONDS))
        except CursorRefused:
            if cursor is None:
                raise
            _log.warning("the feed does not know its cursor any more: it is read from the beginning again")
            return Batch([], {CURSOR: None})
        return Batch(events, {CURSOR: following})

    async def history(self, subject: str) -> list[Event]:
        found: list[Event] = []
        cursor = None
        while True:
            # Where the server does not know the filter it tells everything, so it is looked at here again.
            events, following = await self._read(cursor, 0.0, subject=subject)
            found += [event for event in events if event.subject == subject]
            if not events and following == cursor:
                return found
            cursor = following

    async def acknowledge(self, event_id: str) -> None:
        await self._access.post("/exchange/acknowledgements", {"event": event_id})

    async def close(self) -> None:
        await self._access.close()

    async def _read(self, cursor: str | None, wait_seconds: float, **query: str) -> tuple[list[Event], str]:
        query |= {"limit": self._page, "wait": f"{wait_seconds:.3f}"}
        if cursor is not None:
            query["after"] = cursor
        if self._types is not None:
            query["types"] = self._types
        return _page_of(await self._access.get("/exchange/feed", query, wait_seconds))


def _page_of(answer: Any) -> tuple[list[Event], str]:
    told = answer.get("events") if isinstance(answer, dict) else None
    following = answer.get("next") if isinstance(answer, dict) else None
    if not isinstance(told, list) or not isinstance(following, str):
        raise Unreadable("/exchange/feed did not answer with a page of events: is it the address of a Pulang?")
    try:
        return [Event.from_bytes(orjson.dumps(one)) for one in told], following
    except NotAnEvent as broken:
        raise Unreadable(f"the feed holds what is no event: {broken}") from None
