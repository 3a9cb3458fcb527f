"""A whole Pulang on a folder of its own, as its users meet it: over HTTP, with a token per role."""

import asyncio
import contextlib
import json as json_text
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx

from pulang.app import definitions
from shared.bus.embedded import EmbeddedBus
from shared.http.app import USUAL, Outside, app_of
from shared.security.roles import Roles
from shared.security.tokens import DevelopmentIssuer
from shared.service import Service
from shared.settings import ROLES, Settings
from tests.stores import Chosen

SETTLES_WITHIN_SECONDS = 30.0


class User:
    """Someone with a role, at work through the API."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self._client = client
        self._headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self._send("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self._send("POST", path, json=json, **options)

    async def put(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        return await self._send("PUT", path, json=json, **options)

    async def done(self, path: str, json: Any) -> dict[str, Any]:
        """POST what must succeed; the answer's body."""
        answer = await self.post(path, json)
        assert answer.status_code in (200, 201, 202), answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = self._headers | dict(options.pop("headers", {}))
        if (body := options.pop("json", None)) is not None:
            # As ASCII, so that a test may send what httpx would refuse to encode.
            options["content"] = json_text.dumps(body).encode()
            headers = {"content-type": "application/json"} | headers
        return await self._client.request(method, path, headers=headers, **options)


class Pulang:
    """The all-in-one under test."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient, services: Sequence[Service]) -> None:
        self.settings = settings
        self.client = client
        self._services = services
        self._issuer = DevelopmentIssuer(settings.keys)

    def user(self, role: str, agency: str, facility: str | list[str] | None = None, subject: str | None = None) -> User:
        return User(self.client, self._issuer.issue(agency, role, facility, subject=subject))

    @property
    def administrator(self) -> User:
        return self.user("administrator", "kemensos")

    def officer(self, post: str = "TNJ") -> User:
        """BP2MI's arrival officer at a post."""
        return self.user("arrival_officer", "bp2mi", post)

    def staff(self, shelter: str = "RPTC-TANJUNG-PINANG") -> User:
        """Kemensos' staff at a shelter."""
        return self.user("shelter_staff", "kemensos", shelter)

    def reader(self, agency: str) -> User:
        return self.user("reader", agency)

    async def open_post(self, code: str = "TNJ", **particulars: str) -> None:
        body = {"name": f"Pos {code}", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
        answer = await self.administrator.put(f"/intake/arrival-points/{code}", body | particulars)
        assert answer.status_code == 200, answer.text

    async def open_shelter(
        self, code: str = "RPTC-TANJUNG-PINANG", rooms: list[dict[str, Any]] | None = None, **particulars: str
    ) -> None:
        """A shelter, known to every service when this returns."""
        body: dict[str, Any] = {
            "name": f"Shelter {code}",
            "agency": "kemensos",
            "regency": "21.72",
            "time_zone": "Asia/Jakarta",
            "rooms": rooms or [{"name": "M1", "type": "male", "beds": 4}, {"name": "F1", "type": "female", "beds": 4}],
        }
        answer = await self.administrator.put(f"/shelter/facilities/{code}", body | particulars)
        assert answer.status_code == 200, answer.text
        await self.settled()

    async def register(self, post: str = "TNJ", **person: Any) -> str:
        """A registered person; the case id."""
        body = {
            "name": "Contoh Nama",
            "sex": "F",
            "birth_date": "1990-05-17",
            "origin_regency": "35.07",
            "destination_country": "MY",
            "arrival_point": post,
            "arrival_date": "2026-11-03",
            "register_anyway": True,
        }
        answer = await self.officer(post).done("/intake/cases", body | person)
        return str(answer["case_id"])

    def rows(self, service: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in a service's tables; `?` in the query for each of the values."""
        return Chosen.databases.rows(self.settings, service, query, values)

    async def settled(self) -> None:
        """Until every event has reached whoever reads it."""
        async with asyncio.timeout(SETTLES_WITHIN_SECONDS):
            calm = 0
            while calm < 2:
                for service in self._services:
                    status = await service.status()
                    if status["outbox_backlog"] or any(status["consumer_lag"].values()):
                        calm = 0
                        break
                else:
                    calm += 1
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def running(settings: Settings, outside: Outside = USUAL) -> AsyncIterator[Pulang]:
    """Pulang on this folder and the databases that were chosen, stopped at the end. `outside`: of its limits."""
    bus, databases = EmbeddedBus(settings.bus), Chosen.databases
    verifier = DevelopmentIssuer(settings.keys).verifier(Roles.load(ROLES))
    services = [
        Service(one, databases.ground(settings, one.name, one.migrations), bus, verifier) for one in definitions()
    ]
    app = app_of("Pulang", services, bus, outside=outside)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://pulang.test", timeout=60) as client,
    ):
        yield Pulang(settings, client, services)
