"""The replay's requests: few at once, patient with news that is on its way, and countable."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, NamedTuple

import aiohttp
import orjson

from pulang.client import TIMEOUT_SECONDS, Bearer, Reach, content_of, refusal
from pulang.complaint import Complaint

CONNECTIONS = 32
AT_ONCE = 10
"""Requests of the bulk in hand at a time: enough to share commits, few enough for those in haste not to queue."""
PAGE = 1000
FIRST_PAUSE_SECONDS = 0.02
LONGEST_PAUSE_SECONDS = 0.5
PATIENCE_SECONDS = 60.0
_IN_FLIGHT = "/problems/request-in-flight"


class Answer(NamedTuple):
    """What a server said, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Api:
    """A running Pulang over keep-alive connections. Every error is a Complaint."""

    def __init__(self, to: Reach) -> None:
        self._url = to.url
        self.tokens = to.tokens
        self.requests = 0
        self._news_seconds = FIRST_PAUSE_SECONDS
        self._free = asyncio.Semaphore(AT_ONCE)
        # A season is twenty thousand requests: httpx takes four times as much of a processor for each.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=4.0),
            timeout=aiohttp.ClientTimeout(TIMEOUT_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def post(
        self,
        path: str,
        bearer: Bearer,
        body: Mapping[str, Any],
        *,
        key: str | None = None,
        haste: bool = False,
        news: bool = False,
    ) -> Any:
        """The answer's JSON. `key`: Idempotency-Key, for what has no id of its own. `haste`: others wait for this one.
        `news`: it speaks of what another service was told just now, so it is held back for as long as that took lately.

        Waits for what was told to one service and is still unknown to another, and while the server is busy.
        """
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        began = time.monotonic()
        if news:
            await asyncio.sleep(self._news_seconds)
        answer = await self._patiently("POST", path, bearer, headers, haste=haste, data=orjson.dumps(body))
        if news:
            self._learn(time.monotonic() - began)
        return answer

    async def put(self, path: str, bearer: Bearer, body: Mapping[str, Any]) -> Any:
        return await self._patiently("PUT", path, bearer, {"Content-Type": "application/json"}, data=orjson.dumps(body))

    async def get(self, path: str, bearer: Bearer, **params: str | int) -> Any:
        return await self._patiently("GET", path, bearer, {}, params=params)

    async def find(self, path: str, bearer: Bearer) -> Any | None:
        """The answer's JSON, or None where there is no such thing."""
        answer = await self._send("GET", path, bearer, {})
        if answer.status == 404:
            return None
        return content_of(self._url, f"GET {path}", answer.status, answer.body)

    async def every(self, path: str, bearer: Bearer, **params: str | int) -> AsyncIterator[Mapping[str, Any]]:
        """All items of a list, page by page."""
        after: dict[str, str] = {}
        while True:
            page = await self.get(path, bearer, limit=PAGE, **params, **after)
            for item in page["items"]:
                yield item
            if not page.get("next"):
                return
            after = {"after": page["next"]}

    def _learn(self, took: float) -> None:
        """A little less than it took, so that news which have become faster are noticed."""
        self._news_seconds = min(0.7 * self._news_seconds + 0.25 * took, LONGEST_PAUSE_SECONDS)

    async def _patiently(
        self, method: str, path: str, bearer: Bearer, headers: dict[str, str], *, haste: bool = False, **options: Any
    ) -> Any:
        pause, until = FIRST_PAUSE_SECONDS, time.monotonic() + PATIENCE_SECONDS
        while True:
            async with contextlib.nullcontext() if haste else self._free:
                answer = await self._send(method, path, bearer, headers, **options)
            if not _comes_later(answer):
                return content_of(self._url, f"{method} {path}", answer.status, answer.body)
            if time.monotonic() > until:
                raise Complaint(
                    refusal(f"{method} {path}", answer.status, answer.body)
                    + f" for {PATIENCE_SECONDS:.0f} s: look at `pulang status`, then run it again, it goes on"
                )
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, LONGEST_PAUSE_SECONDS)

    async def _send(self, method: str, path: str, bearer: Bearer, headers: dict[str, str], **options: Any) -> Answer:
        self.requests += 1
        options |= {"headers": headers | bearer.header, "allow_redirects": False}
        try:
            async with self._http.request(method, self._url + path, **options) as answer:
                return Answer(answer.status, answer.headers, await answer.read())
        except aiohttp.InvalidURL:
            raise Complaint(f"{self._url!r} is no address") from None
        except aiohttp.ClientConnectorError:
            raise Complaint(
                f"no Pulang answers at {self._url}: start `pulang up`, then run it again, it goes on"
            ) from None
        except (aiohttp.ClientError, TimeoutError) as broken:
            raise Complaint(
                f"the connection to {self._url} broke ({type(broken).__name__}): run it again, it goes on"
            ) from None


def _comes_later(answer: Answer) -> bool:
    """News on its way between services, a busy server, our own earlier request still at work, or a gateway whose server
    went away: with its key and its ids a request may be sent again."""
    if answer.status in (404, 409, 429, 502, 503, 504) and "retry-after" in answer.headers:
        return True
    return answer.status == 409 and _IN_FLIGHT.encode() in answer.body
