"""An exchange on a bus of its own, and a narrator who publishes what the other services would tell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import uuid_utils

from services.exchange.main import EXCHANGE
from services.exchange.policy import agency_topic
from services.exchange.rules import topic_of
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Received, Record
from shared.codes import MethodOfControl, TraffickingStatus
from shared.events.aid import AidIssued, DonationReceived
from shared.events.envelope import Event, rfc3339
from shared.events.facilities import FacilityOpened, RoomSummary
from shared.events.fact import Fact
from shared.events.intake import CaseIdentified, CaseRegistered, CaseScreened, ConsentChanged, ConsentDecision
from shared.events.psychosocial import SessionRecorded
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from shared.http.app import app_of
from shared.security.roles import Roles
from shared.security.tokens import DevelopmentIssuer
from shared.service import Definition, Service
from shared.settings import ROLES, Settings
from tests.stores import Chosen

AGENCIES = ("bp2mi", "iom", "kemensos")
"""The agencies with which Pulang begins."""
SETTLES_WITHIN_SECONDS = 30.0
DAY = date(2026, 11, 3)


def new_id() -> str:
    return str(uuid_utils.uuid7())


class Narrator:
    """Gives each fact its envelope, with versions as the services would count them."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], int] = {}

    def tell(self, service: str, subject: str, fact: Fact, **attributes: Any) -> Event:
        version = self._versions[service, subject] = self._versions.get((service, subject), 0) + 1
        moment = rfc3339(datetime.now(UTC))
        told: dict[str, Any] = {
            "id": new_id(),
            "source": f"/pulang/{service}",
            "type": fact.TYPE,
            "subject": subject,
            "time": moment,
            "recordedtime": moment,
            "streamversion": version,
            "data": fact.to_data(),
        }
        return Event(**(told | attributes))

    def registered(self, case: str, post: str = "TNJ", sex: Any = "F", on: date = DAY) -> Event:
        return self.tell("intake", case, CaseRegistered(arrival_point=post, arrival_date=on, sex=sex))

    def screened(self, case: str, status: Any = "NotAVictimOfTrafficking") -> Event:
        fact = CaseScreened(trafficking_status=status, decided_by="NGO", needs=("isolation",), care_layer=2)
        return self.tell("intake", case, fact)

    def identified(self, case: str) -> Event:
        how = (MethodOfControl.DEBT_BONDAGE,)
        fact = CaseIdentified(trafficking_status=TraffickingStatus.ACTUAL, decided_by="Police", methods_of_control=how)  # type: ignore[arg-type]
        return self.tell("intake", case, fact)

    def consent(self, case: str, **levels: str) -> Event:
        decisions = tuple(
            ConsentDecision(agency=agency, status="given" if level != "none" else "withdrawn", level=level)
            for agency, level in levels.items()
        )
        return self.tell("intake", case, ConsentChanged(decisions=decisions, given_by="person"))

    def checked_in(self, case: str, stay: str, shelter: str = "RPTC-A", on: date = DAY) -> Event:
        return self.tell("shelter", case, StayCheckedIn(stay=stay, facility=shelter, room_type="female", on=on))

    def checked_out(
        self, case: str, stay: str, on: date, shelter: str = "RPTC-A", reason: Any = "return_home"
    ) -> Event:
        return self.tell("shelter", case, StayCheckedOut(stay=stay, facility=shelter, on=on, reason=reason))

    def issued(self, case: str, quantity: int = 1, item: str = "hygiene kit", on: date = DAY) -> Event:
        fact = AidIssued(issue=new_id(), store="RPTC-A", item=item, quantity=quantity, on=on)
        return self.tell("aid", case, fact)

    def session(self, case: str, on: date = DAY) -> Event:
        return self.tell("psychosocial", case, SessionRecorded(session=new_id(), layer=2, kind="individual", on=on))

    def opened(self, code: str, agency: str, kind: Any = "shelter", regency: str = "21.72", beds: int = 4) -> Event:
        fact = FacilityOpened(
            facility=code,
            kind=kind,
            name=f"Tempat {code}",
            agency=agency,
            regency=regency,
            time_zone="Asia/Jakarta",
            rooms=(RoomSummary(room_type="female", beds=beds),) if kind == "shelter" else (),
        )
        return self.tell("shelter" if kind == "shelter" else "intake", code, fact)

    def donation(self, store: str, donor_agency: str | None = None) -> Event:
        fact = DonationReceived(
            donor="UN", item="hygiene kit", quantity=10, store=store, on=DAY, donor_agency=donor_agency
        )
        return self.tell("aid", new_id(), fact)


class Exchange:
    """The exchange under test, over HTTP and over the bus."""

    def __init__(self, settings: Settings, bus: EmbeddedBus, service: Service, client: httpx.AsyncClient) -> None:
        self.bus = bus
        self.service = service
        self._client = client
        self._issuer = DevelopmentIssuer(settings.keys)

    @property
    def app(self) -> Any:
        """The ASGI app, for whoever puts it behind a socket."""
        return self._client._transport.app  # type: ignore[attr-defined]

    def token(
        self, agency: str, role: str, *, lifetime: timedelta = timedelta(hours=1), scope: str | None = None
    ) -> str:
        return self._issuer.issue(agency, role, lifetime=lifetime, scope=scope)

    async def hear(self, *events: Event) -> None:
        """Publish, and wait until all of it has been taken in and sent on."""
        await self.publish(*events)
        await self.settled()

    async def publish(self, *events: Event) -> None:
        await self.bus.publish([Record(topic_of(event.type), event.subject, event.to_bytes(), 0) for event in events])

    async def get(
        self, path: str, agency: str = "kemensos", role: str = "administrator", **query: Any
    ) -> httpx.Response:
        token = self._issuer.issue(agency, role)
        return await self._client.get(path, params=query, headers={"Authorization": f"Bearer {token}"})

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        agency: str = "kemensos",
        role: str = "administrator",
        **headers: str,
    ) -> httpx.Response:
        """Any other request; `headers` with `_` for `-`."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        said["authorization"] = f"Bearer {self._issuer.issue(agency, role)}"
        return await self._client.request(method, path, json=body, headers=said)

    async def call(
        self, method: str, path: str, agency: str, role: str = "integrator", *, token: str | None = None, **options: Any
    ) -> httpx.Response:
        """As somebody of an agency, or the holder of a token."""
        headers = {"Authorization": f"Bearer {token or self._issuer.issue(agency, role)}"} | options.pop("headers", {})
        return await self._client.request(method, path, headers=headers, **options)

    async def page(self, agency: str, **query: Any) -> dict[str, Any]:
        answer = await self.get("/exchange/feed", agency, "reader", **query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def feed(self, agency: str, after: str | None = None, limit: int = 500) -> list[dict[str, Any]]:
        """All that an agency may have now, from a cursor on."""
        events: list[dict[str, Any]] = []
        while True:
            page = await self.page(agency, limit=limit, **({"after": after} if after else {}))
            events += page["events"]
            after = page["next"]
            if not page["events"]:
                return events

    async def of_case(self, agency: str, case: str) -> list[dict[str, Any]]:
        return [event for event in await self.feed(agency) if event["subject"] == case]

    async def on_topic(self, agency: str) -> list[Received]:
        """What stands on an agency's topic."""
        reader = self.bus.subscribe(f"test-{new_id()}", [agency_topic(agency)])
        await reader.start()
        received: list[Received] = []
        while batch := await reader.getmany(1000, 0.05):
            received += batch
        await reader.stop()
        return received

    async def lets_in(self, agency: str) -> None:
        """An agency that came back: the door asks for who has left once a second."""
        async with asyncio.timeout(SETTLES_WITHIN_SECONDS):
            while True:
                if (await self.get("/exchange/feed", agency, "reader")).status_code != 403:
                    return
                await asyncio.sleep(0.05)

    async def settled(self, within_seconds: float = SETTLES_WITHIN_SECONDS) -> None:
        async with asyncio.timeout(within_seconds):
            while True:
                status = (await self.get("/exchange/operations/status")).json()
                agencies = (await self.get("/exchange/agencies")).json()["items"]
                sent = all(one["sent"] == one["last"] for one in agencies if one["member"])
                if sent and set(status["consumer_lag"].values()) == {0}:
                    assert status["parked"] == 0
                    return
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def listening(settings: Settings, definition: Definition = EXCHANGE) -> AsyncIterator[Exchange]:
    """An exchange on this folder, stopped at the end."""
    settings.keys.mkdir(parents=True, exist_ok=True)
    bus = EmbeddedBus(settings.bus)
    verifier = DevelopmentIssuer(settings.keys).verifier(Roles.load(ROLES))
    service = Service(definition, Chosen.databases.ground(settings, "exchange", EXCHANGE.migrations), bus, verifier)
    app = app_of("exchange", [service], bus)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://pulang.test", timeout=60) as client,
    ):
        yield Exchange(settings, bus, service, client)


def types(events: Sequence[dict[str, Any]]) -> list[str]:
    """`case.registered` for `pulang.case.registered.v1`."""
    return [event["type"].removeprefix("pulang.").removesuffix(".v1") for event in events]
