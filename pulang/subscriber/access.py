"""Requests to a Pulang over HTTP: the token of the moment, and what its answers mean."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import orjson

from pulang.client_credentials import ClientCredentials, IssuerAway, IssuerRefuses
from pulang.subscriber.problems import CursorRefused, Refused, Unreachable, Unreadable

Token = str | ClientCredentials | Callable[[], str]
"""A bearer token, the credentials that fetch one, or a function that gives the one of the moment."""

TIMEOUT_SECONDS = 30.0
"""For an answer that waits for nothing."""
LONGEST_PAUSE_SECONDS = 3600.0
"""A Retry-After beyond this is taken for this."""
_ASK_AGAIN = frozenset({408, 409, 425, 429})
_CURSOR_UNKNOWN = "/problems/cursor-unknown"


class Access:
    """One Pulang, for one event loop. Nothing here asks twice by itself, but after a token that was refused."""

    def __init__(self, url: str, token: Token, http: httpx.AsyncClient | None = None) -> None:
        """`http`: a client of your own, for a proxy or another certificate authority; you close it.

        Raises ValueError for an address that is none.
        """
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address: it begins with http:// or https://")
        self.url = url.rstrip("/")
        self._token = token
        self._given = http
        self._http: httpx.AsyncClient | None = http

    async def get(self, path: str, query: Mapping[str, str], wait_seconds: float = 0.0) -> Any:
        """The JSON of an answer. Raises Unreachable, Refused, Unreadable."""
        return await self._ask("GET", path, TIMEOUT_SECONDS + wait_seconds, params=dict(query))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON of an answer. Raises Unreachable, Refused, Unreadable."""
        content, headers = orjson.dumps(body), {"Content-Type": "application/json"}
        return await self._ask("POST", path, TIMEOUT_SECONDS, content=content, headers=headers)

    async def close(self) -> None:
        """May be called twice, and it may go on afterwards."""
        http, self._http = self._http, self._given
        if http is not None and http is not self._given:
            await http.aclose()

    async def _ask(self, method: str, path: str, seconds: float, **options: Any) -> Any:
        answer = await self._send(method, path, seconds, **options)
        if answer.status_code == 401 and not isinstance(self._token, str):
            if isinstance(self._token, ClientCredentials):
                self._token.forget()
            answer = await self._send(method, path, seconds, **options)
        if answer.is_success:
            return _content(answer)
        raise _refusal(f"{method} {path}", answer)

    async def _send(self, method: str, path: str, seconds: float, **options: Any) -> httpx.Response:
        headers = {**options.pop("headers", {}), "Authorization": f"Bearer {self._bearer()}"}
        if self._http is None:
            self._http = httpx.AsyncClient(trust_env=False)
        try:
            return await self._http.request(method, self.url + path, headers=headers, timeout=seconds, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as broken:
            raise Unreachable(f"no answer from {self.url} ({type(broken).__name__})") from None

    def _bearer(self) -> str:
        if isinstance(self._token, str):
            return self._token
        if not isinstance(self._token, ClientCredentials):
            return self._token()
        try:
            return self._token.token()
        except IssuerRefuses as refused:
            raise Refused(str(refused)) from None
        except IssuerAway as away:
            raise Unreachable(str(away)) from None


def _content(answer: httpx.Response) -> Any:
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        raise Unreadable(
            f"{answer.request.url.path} was not answered with JSON: is it the address of a Pulang?"
        ) from None


def _refusal(what: str, answer: httpx.Response) -> Unreachable | Refused:
    """As a problem document says it: title and detail, never a value."""
    status = answer.status_code
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        problem = None
    said = problem if isinstance(problem, dict) else {}
    told = [str(said[part]) for part in ("title", "detail") if said.get(part)]
    line = f"{what} was answered with {status}{': ' if told else ''}{'; '.join(dict.fromkeys(told))}"
    if status in _ASK_AGAIN or status >= 500:
        return Unreachable(line, _seconds(answer.headers.get("Retry-After")))
    if said.get("type") == _CURSOR_UNKNOWN:
        return CursorRefused(line, status)
    return Refused(line, status)


def _seconds(retry_after: str | None) -> float:
    """Both forms of RFC 9110, 10.2.3; 0 for what is neither."""
    if retry_after is None:
        return 0.0
    if retry_after.strip().isdecimal() and retry_after.isascii():
        return min(float(retry_after), LONGEST_PAUSE_SECONDS)
    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, TypeError):
        return 0.0
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max(0.0, (moment - datetime.now(UTC)).total_seconds()), LONGEST_PAUSE_SECONDS)
