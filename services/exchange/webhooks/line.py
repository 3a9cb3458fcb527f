"""The line to one endpoint: its connections, and one request on them.

aiohttp parses the URL, looks the name up through us, and asks us for each socket with the address that it is about to
connect to: there is nothing between what was checked and what is connected to. SNI, Host and the certificate's name
stay those of the URL. It follows no redirect, knows no proxy, keeps no cookie and unpacks nothing.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult

from services.exchange.webhooks.addresses import may_reach, may_reach_all
from services.exchange.webhooks.naming import Lookup, Names
from services.exchange.webhooks.settings import WebhookSettings
from services.exchange.webhooks.url import Target
from shared.events.envelope import CONTENT_TYPE

READ_BYTES = 4_096
"""Of an answer; a longer one costs its connection."""
BODY_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 30.0
ADDRESSES_SECONDS = 10
"""How long the addresses of a name are kept; what is connected to is checked each time."""
_HEADERS = {
    "content-type": CONTENT_TYPE,
    "user-agent": "Pulang-Webhooks/1",
    "accept": "*/*",
    "accept-encoding": "identity",
}


OVERTAKEN = "overtaken"
"""The outcome where nothing was sent, since what was to be sent is no longer what the agency may have."""
Still = Callable[[], Awaitable[bool]]
"""Whether a body may still be sent. Asked when the connection stands, right before the first byte."""


class AddressRefused(OSError):
    """The host has an address that webhooks may not reach."""


class Overtaken(Exception):
    """The body may not be sent any more."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one request. `outcome` is a word; nothing of the answer but its status is kept."""

    outcome: str
    status: int | None = None
    after: timedelta = timedelta(0)
    """What the receiver asked to wait (Retry-After)."""

    @property
    def delivered(self) -> bool:
        return self.outcome == "delivered"


class Line:
    """Connections to one endpoint, of nobody else's: a slow one takes up no other's place."""

    def __init__(self, settings: WebhookSettings, names: Names | None = None) -> None:
        """`names`: on whose threads names are looked up, where it is not a thread of the line's own."""
        self._settings = settings
        self._names = names or Names()
        self._session: aiohttp.ClientSession | None = None

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes, still: Still | None = None) -> Result:
        """One attempt, which ends in time whatever happens. Raises nothing but CancelledError."""
        try:
            return await self._post(target, headers, body if still is None else _Body(body, still))
        except TimeoutError:
            return Result("timeout")
        except (aiohttp.ClientError, OSError, ValueError) as failed:
            return Result(_kind_of(failed))

    async def _post(self, target: Target, headers: Mapping[str, str], body: "bytes | _Body") -> Result:
        async with self._open().post(
            target.url, data=body, headers={**_HEADERS, **headers}, allow_redirects=False
        ) as answer:
            await _read_some(answer)
            status = answer.status
            if 200 <= status < 300:
                return Result("delivered", status)
            if 300 <= status < 400:
                return Result("redirect", status)
            return Result("gone" if status == 410 else "status", status, _wait(answer.headers.get("retry-after")))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            settings = self._settings
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=_trust(str(settings.ca) if settings.ca else None),
                    resolver=_Resolver(settings.look_up or self._names.look_up, settings),
                    ttl_dns_cache=ADDRESSES_SECONDS,
                    socket_factory=self._socket,
                    limit=settings.at_once,
                    keepalive_timeout=KEEP_ALIVE_SECONDS,
                ),
                timeout=aiohttp.ClientTimeout(
                    total=settings.answer_seconds, connect=settings.connect_seconds, ceil_threshold=60
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                trust_env=False,
                max_line_size=4_096,
                max_field_size=4_096,
            )
        return self._session

    def _socket(self, address: Any) -> socket.socket:
        """The last word, at every connection: no name, cache or literal comes past it."""
        family, kind, protocol, _, where = address
        if not may_reach(ip_address(where[0]), self._settings.allow):
            raise AddressRefused
        return socket.socket(family=family, type=kind, proto=protocol)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class _Body(aiohttp.BytesPayload):
    """Bytes that are asked for once more when they are due: head and body leave together, or not at all."""

    def __init__(self, body: bytes, still: Still) -> None:
        super().__init__(body)
        self._still = still

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        if not await self._still():
            raise Overtaken
        await super().write_with_length(writer, content_length)


async def _read_some(answer: aiohttp.ClientResponse) -> None:
    """The status has come, and says all. A short body is read, so that its connection can be used again."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await answer.content.readexactly(READ_BYTES)
        answer.close()
    except asyncio.IncompleteReadError:
        return  # that was all of it
    except (aiohttp.ClientError, OSError):
        answer.close()


class _Resolver(AbstractResolver):
    def __init__(self, look_up: Lookup, settings: WebhookSettings) -> None:
        self._look_up = look_up
        self._settings = settings

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._look_up(host, port)
        if not may_reach_all(found, self._settings.allow):
            raise AddressRefused
        return [
            ResolveResult(
                hostname=host,
                host=one,
                port=port,
                family=socket.AF_INET6 if ":" in one else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for one in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def refusal_of(target: Target, settings: WebhookSettings, names: Names) -> str | None:
    """Why a webhook cannot go there now, in a few words that tell nothing of a network; None where it can."""
    try:
        async with asyncio.timeout(settings.connect_seconds):
            found = await (settings.look_up or names.look_up)(target.host, target.port)
    except (OSError, TimeoutError, ValueError):
        return "has a host whose address cannot be found"
    if not may_reach_all(found, settings.allow):
        return "leads to an address that is not public"
    return None


def _kind_of(failed: BaseException) -> str:
    """In one word. Names, addresses and texts of the other side stay out of it."""
    cause: BaseException | None = failed
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return "refused"
        if isinstance(cause, Overtaken):
            return OVERTAKEN
        cause = cause.__cause__
    if isinstance(failed, aiohttp.ClientConnectorDNSError):
        return "no_address"
    if isinstance(failed, aiohttp.ClientSSLError | ssl.SSLError):
        return "tls"
    if isinstance(failed, aiohttp.ClientConnectorError):
        return "no_connection"
    return "broken"


def _wait(said: str | None) -> timedelta:
    """Of a Retry-After: seconds or a date; nothing where it is neither."""
    if said is None:
        return timedelta(0)
    if said.isascii() and said.isdigit() and len(said) < 7:
        return timedelta(seconds=int(said))
    try:
        seconds = parsedate_to_datetime(said).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return timedelta(0)
    return timedelta(seconds=min(max(0.0, seconds), 1e6))


@cache
def _trust(ca: str | None) -> ssl.SSLContext:
    """One for all lines: it takes a while to read the system's authorities."""
    trusted = ssl.create_default_context()
    trusted.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is not None:
        trusted.load_verify_locations(cafile=ca)
    return trusted
