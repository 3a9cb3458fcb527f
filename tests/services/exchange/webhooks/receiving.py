"""A receiver of webhooks as an agency would run one, over TLS, and an exchange that may reach it."""

import asyncio
import base64
import contextlib
import dataclasses
import ssl
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import orjson
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.exchange.main import EXCHANGE, companions
from services.exchange.webhooks.addresses import networks_in
from services.exchange.webhooks.courier import Courier
from services.exchange.webhooks.settings import WebhookSettings
from shared.service import Definition
from shared.settings import Settings
from shared.times import utc_now
from tests.real.certificates import Authority
from tests.services.exchange.hearing import Exchange, listening

Seen = TypeVar("Seen")
HOST = "receiver.example.org"
COMES_WITHIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """One request, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        said: dict[str, Any] = orjson.loads(self.body)
        return said

    @property
    def subject(self) -> str:
        return str(self.event["subject"])

    @property
    def type(self) -> str:
        """`case.registered` for `pulang.case.registered.v1`."""
        return str(self.event["type"]).removeprefix("pulang.").removesuffix(".v1")

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def signatures(self) -> list[str]:
        return self.headers["webhook-signature"].split(" ")

    def bears(self, public_key: str) -> bool:
        """Whether one of its `v1a` signatures is of this key. Raises InvalidSignature where none is."""
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
        content = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        for one in self.signatures:
            version, _, text = one.partition(",")
            if version == "v1a":
                with contextlib.suppress(Exception):
                    key.verify(base64.b64decode(text), content)
                    return True
        return False


Answer = Callable[[Heard], Awaitable[web.Response]]


async def thanks(heard: Heard) -> web.Response:
    return web.Response(status=204)


def says(status: int, **headers: str) -> Answer:
    async def answer(heard: Heard) -> web.Response:
        return web.Response(status=status, headers=headers)

    return answer


async def hangs(heard: Heard) -> web.Response:
    await asyncio.sleep(3600)
    raise AssertionError("nobody waits so long")


@dataclass
class Receiver:
    """`answer` may be set anew at any time. What it answered with 2xx was `accepted`, in that order."""

    answer: Answer = thanks
    heard: list[Heard] = field(default_factory=list)
    accepted: list[Heard] = field(default_factory=list)
    port: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, path: str = "/hook", host: str = HOST) -> str:
        return f"https://{host}:{self.port}{path}"

    async def handle(self, request: web.Request) -> web.Response:
        heard = Heard(request.path, {name.lower(): one for name, one in request.headers.items()}, await request.read())
        self.heard.append(heard)
        self._tell()
        answer = await self.answer(heard)
        if 200 <= answer.status < 300:
            self.accepted.append(heard)
            self._tell()
        return answer

    def _tell(self) -> None:
        told, self._news = self._news, asyncio.Event()
        told.set()

    async def until(self, enough: Callable[["Receiver"], Any]) -> None:
        """Until what has come is enough."""
        async with asyncio.timeout(COMES_WITHIN_SECONDS):
            while not enough(self):
                await self._news.wait()

    async def until_accepted(self, count: int) -> None:
        await self.until(lambda one: len({heard.id for heard in one.accepted}) >= count)

    def by_subject(self) -> dict[str, list[str]]:
        """The first appearance of each accepted message: event ids, in the order in which they came."""
        seen, found = set(), defaultdict(list)
        for heard in self.accepted:
            if heard.id not in seen:
                seen.add(heard.id)
                found[heard.subject].append(str(heard.event["id"]))
        return dict(found)


@contextlib.asynccontextmanager
async def receiving(authority: Authority, host: str = HOST, port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver on this machine, with a certificate for `host`."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    with tempfile.NamedTemporaryFile() as certificate:
        certificate.write(authority.issue(host))
        certificate.flush()
        secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secure.load_cert_chain(certificate.name)
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=secure)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()


class Clock:
    """The time, moved on at will: three days need not be waited for."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)
        self.listeners: list[Callable[[bool], None]] = []
        """Told when it moves on, as after a commit: nobody waits for the next look."""

    def __call__(self) -> datetime:
        return utc_now() + self._ahead

    def advance(self, **by: float) -> None:
        self._ahead += timedelta(**by)
        for listener in self.listeners:
            listener(False)


@dataclass
class Resolver:
    """Answers for names; the next one of several each time it is asked. An address is its own answer."""

    names: dict[str, list[Sequence[str]]]
    asked: list[str] = field(default_factory=list)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        with contextlib.suppress(ValueError):
            return [str(ip_address(host))]
        answers = self.names.get(host)
        if answers is None:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def definition(webhooks: WebhookSettings) -> Definition:
    """Exchange, with these settings."""
    return dataclasses.replace(EXCHANGE, companions=partial(companions, webhooks=webhooks))


class Partner:
    """An agency's integrator, at work through the API."""

    def __init__(self, exchange: Exchange, agency: str, role: str = "integrator", token: str | None = None) -> None:
        self._exchange = exchange
        self._agency = agency
        self._role = role
        self._token = token

    async def ask(self, method: str, path: str = "", **options: Any) -> Any:
        return await self._exchange.call(
            method, f"/exchange/webhooks{path}", self._agency, self._role, token=self._token, **options
        )

    async def done(self, method: str, path: str = "", **options: Any) -> dict[str, Any]:
        answer = await self.ask(method, path, **options)
        assert answer.status_code in (200, 201), answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def register(self, url: str, **more: Any) -> dict[str, Any]:
        return await self.done("POST", json={"url": url} | more)

    async def show(self, webhook: str) -> dict[str, Any]:
        return await self.done("GET", f"/{webhook}")

    async def deliveries(self, webhook: str, **query: Any) -> list[dict[str, Any]]:
        """All of them, page by page, the newest first."""
        items: list[dict[str, Any]] = []
        while True:
            page = await self.done("GET", f"/{webhook}/deliveries", params=query)
            items += page["items"]
            if "next" not in page:
                return items
            query["after"] = page["next"]

    async def until(self, webhook: str, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Until the webhook, as it is shown, is what is waited for."""

        async def shown_as_wanted() -> dict[str, Any] | None:
            shown = await self.show(webhook)
            return shown if enough(shown) else None

        return await sooner_or_later(shown_as_wanted)


async def sooner_or_later(look: Callable[[], Awaitable[Seen | None]]) -> Seen:
    """What is seen at last."""
    async with asyncio.timeout(COMES_WITHIN_SECONDS):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(0.01)


def nothing_open(shown: dict[str, Any]) -> bool:
    return set(shown["messages"].values()) == {0}


@dataclass
class Site:
    """Everything that such a test is about."""

    exchange: Exchange
    receiver: Receiver
    clock: Clock
    resolver: Resolver
    settings: WebhookSettings

    def partner(self, agency: str = "iom", role: str = "integrator", token: str | None = None) -> Partner:
        return Partner(self.exchange, agency, role, token)

    @property
    def courier(self) -> Courier:
        return next(one for one in self.exchange.service.companions if isinstance(one, Courier))


@contextlib.asynccontextmanager
async def site(settings: Settings, folder: Path, **more: Any) -> AsyncIterator[Site]:
    """An exchange that may reach this machine, and a receiver on it."""
    authority = Authority()
    ca = folder / "ca.pem"
    ca.write_bytes(authority.pem)
    resolver, clock = Resolver({HOST: [["127.0.0.1"]]}), Clock()
    webhooks = WebhookSettings(
        **{"allow": networks_in("127.0.0.0/8"), "ca": ca, "now": clock, "look_up": resolver} | more
    )
    async with receiving(authority) as receiver, listening(settings, definition(webhooks)) as exchange:
        clock.listeners = exchange.service.desk.listeners
        yield Site(exchange, receiver, clock, resolver, webhooks)
