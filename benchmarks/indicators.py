"""The indicators at 100,000 cases: how long an answer takes, and how long a registration takes to stand in it.

The cases are told in events and taken in by the projection's own fold, on SQLite behind `pulang up` and on PostgreSQL.
The limits are those of the requirements: an answer under 200 ms, a second from the commit.
"""

import asyncio
import random
import statistics
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import httpx
import uuid_utils

from benchmarks.parts import database, percentile, postgres, run_sql, sealing_nothing
from benchmarks.servers import call, open_post, pulang, token
from services.exchange.directory import note_places
from services.exchange.indicators.publishing import Publisher
from services.exchange.main import EXCHANGE
from services.exchange.projections import project, write
from shared.bus.embedded import EmbeddedBus
from shared.codes import MethodOfControl, StatusDecidedBy, TraffickingStatus
from shared.database.postgres import PostgresDatabase
from shared.events.aid import AidIssued
from shared.events.envelope import Event, rfc3339
from shared.events.facilities import FacilityOpened, RoomSummary
from shared.events.fact import Fact
from shared.events.intake import CaseClosed, CaseRegistered, CaseScreened, ConsentChanged, ConsentDecision
from shared.events.psychosocial import SessionRecorded
from shared.events.shelter import StayCheckedIn, StayCheckedOut
from shared.ground import Ground, embedded
from shared.http.app import app_of
from shared.migrating import migrate_server
from shared.security.roles import Roles
from shared.security.secrets import Secrets
from shared.security.tokens import DevelopmentIssuer
from shared.service import Service
from shared.settings import ROLES, Settings
from shared.work import Work

CASES = 100_000
FOLDED_AT_ONCE = 2_000
ROUNDS, REGISTRATIONS = 15, 20
LIMIT_MS, LIMIT_DELAY_MS = 200, 1_000
PORT = 8957
POSTS = ("TNJ", "BTM", "ENT", "CGK", "NNK")
SHELTERS = ("RPTC-TANJUNG-PINANG", "RPTC-BAMBU-APUS", "POS-PONTIANAK", "BALAI-MULYA-JAYA")
BANDS = ("0--8", "9--17", "18--20", "21--23", "24--26", "27--29", "30--38", "39--47", "48+")
YEAR = "from=2020-01-01&until=2020-12-31"
QUESTIONS = {
    "exact, the year": ("administrator", f"/exchange/indicators?{YEAR}"),
    "by place, day by day": ("administrator", f"/exchange/indicators/series?{YEAR}&by=place"),
    "by age band, day by day": ("administrator", f"/exchange/indicators/series?{YEAR}&by=age_band"),
    "by status, day by day": ("administrator", f"/exchange/indicators/series?{YEAR}&by=trafficking_status"),
    "an operator's own": ("supervisor", f"/exchange/indicators/series?{YEAR}&by=age_band"),
    "published": ("reader", "/exchange/indicators/published"),
}


def measure(cases: int = CASES) -> dict[str, Any]:
    """Medians and the worst of the answers in ms, beside the limit; the delay from a registration's answer."""
    with tempfile.TemporaryDirectory() as folder:
        on_sqlite = _on_sqlite(Path(folder, "data"), cases)
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        return {
            "cases": cases,
            "sqlite": on_sqlite,
            "postgresql": asyncio.run(_on_postgres(Path(folder), server, cases)),
        }


def _on_sqlite(data: Path, cases: int) -> dict[str, Any]:
    data.mkdir()
    with pulang(data, PORT):  # makes the folder what it has to be
        pass
    filled = asyncio.run(_filled(Settings(data), cases))
    with pulang(data, PORT) as (address, _):

        async def ask(role: str, path: str) -> None:
            call_text(f"{address}{path}", token(data, role, "kemensos"))

        answers = asyncio.run(_answers(ask))
        return filled | answers | _delay(address, data)


def call_text(url: str, bearer: str) -> bytes:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        text: bytes = answer.read()
        return text


async def _filled(settings: Settings, cases: int) -> dict[str, Any]:
    async with _serving(settings, embedded(settings, "exchange", EXCHANGE.migrations)) as (service, _):
        return await _fill(service, cases)


async def _on_postgres(folder: Path, server: Any, cases: int) -> dict[str, Any]:
    async with database(server, "exchange") as url:
        await migrate_server(url, EXCHANGE.migrations)
        store = PostgresDatabase(url)
        secrets = Secrets.from_environment("A" * 43 + "=")
        ground = sealing_nothing(store, secrets)
        settings = Settings(folder)
        async with _serving(settings, ground) as (service, client):
            filled = await _fill(service, cases)
            await run_sql(url, "VACUUM ANALYZE")  # as the server does by itself within a minute or two
            issuer = DevelopmentIssuer(settings.keys)

            async def ask(role: str, path: str) -> None:
                bearer = issuer.issue("kemensos", role)
                answer = await client.get(path, headers={"Authorization": f"Bearer {bearer}"})
                answer.raise_for_status()

            return filled | await _answers(ask)


@asynccontextmanager
async def _serving(settings: Settings, ground: Ground) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """Exchange by itself, in this process."""
    settings.keys.mkdir(parents=True, exist_ok=True)
    bus = EmbeddedBus(settings.bus)
    verifier = DevelopmentIssuer(settings.keys).verifier(Roles.load(ROLES))
    service = Service(EXCHANGE, ground, bus, verifier)
    app = app_of("exchange", [service], bus)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://exchange", timeout=60) as client,
    ):
        yield service, client


async def _fill(service: Service, cases: int) -> dict[str, Any]:
    """Through the fold, and what is due published."""
    events, began, folded = _Telling(), time.perf_counter(), 0
    batch: list[Event] = events.places()
    for case in range(cases):
        batch += events.life(case, cases)
        if len(batch) >= FOLDED_AT_ONCE or case == cases - 1:
            await service.desk.write(partial(_take, batch=batch))
            folded, batch = folded + len(batch), []
    took = time.perf_counter() - began
    publisher = service.companion(Publisher)
    began = time.perf_counter()
    months = await publisher.publish()
    if cases >= 1_000 and len(months) != 12:
        raise RuntimeError(f"published {months}")
    return {
        "events_folded_per_second": round(folded / took),
        "publishing_a_month_ms": round((time.perf_counter() - began) * 1000 / max(1, len(months)), 1),
    }


def _take(work: Work, batch: list[Event]) -> None:
    write(work.session, project(batch), 0)
    note_places(work.session, batch)


async def _answers(ask: Callable[[str, str], Awaitable[None]]) -> dict[str, Any]:
    found = {}
    for name, (role, path) in QUESTIONS.items():
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await ask(role, path)
            took.append((time.perf_counter() - began) * 1000)
        found[name] = {"median_ms": round(statistics.median(took), 1), "worst_ms": round(max(took), 1)}
    worst = max(one["median_ms"] for one in found.values())
    return {"answers": found, "limit_ms": LIMIT_MS, "slowest_of_limit": round(worst / LIMIT_MS, 2)}


def _delay(address: str, data: Path) -> dict[str, Any]:
    """From the answer to a registration, which comes after its commit, until the figures have it."""
    officer, administrator = open_post(address, data), token(data, "administrator", "kemensos")
    figures = f"{address}/exchange/indicators?from=2021-01-01&until=2021-12-31"
    delays = []
    for number in range(REGISTRATIONS):
        person = {
            "name": f"Contoh {number}",
            "sex": "F",
            "birth_date": "1990-05-17",
            "arrival_point": "TNJ",
            "arrival_date": "2021-03-01",
            "register_anyway": True,
        }
        call("POST", f"{address}/intake/cases", officer, person)
        began = time.perf_counter()
        while call("GET", figures, administrator)["cases"] <= number:
            time.sleep(0.002)
        delays.append((time.perf_counter() - began) * 1000)
    delays.sort()
    worst = round(delays[-1], 1)
    return {
        "delay_median_ms": round(percentile(delays, 0.5), 1),
        "delay_worst_ms": worst,
        "delay_limit_ms": LIMIT_DELAY_MS,
        "delay_of_limit": round(worst / LIMIT_DELAY_MS, 2),
    }


class _Telling:
    """A year of cases as the services would tell them."""

    def __init__(self) -> None:
        self._chance = random.Random(2020)  # noqa: S311

    def places(self) -> list[Event]:
        kinds: list[tuple[str, Literal["arrival_point", "shelter"], str]] = [
            *((code, "arrival_point", "bp2mi") for code in POSTS),
            *((code, "shelter", "kemensos") for code in SHELTERS),
        ]
        return [
            self._event(
                "/pulang/shelter",
                code,
                FacilityOpened(
                    facility=code,
                    kind=kind,
                    name=code,
                    agency=agency,
                    regency="21.72",
                    time_zone="Asia/Jakarta",
                    rooms=(RoomSummary(room_type="female", beds=40),) if kind == "shelter" else (),
                ),
            )
            for code, kind, agency in kinds
        ]

    def life(self, number: int, of: int) -> Iterator[Event]:
        chance, case, stay = self._chance, str(uuid_utils.uuid7()), str(uuid_utils.uuid7())
        on = date(2020, 1, 1) + timedelta(days=number * 366 // of)
        left = on + timedelta(days=chance.randrange(2, 10))
        shelter = chance.choice(SHELTERS)
        intake: list[Fact] = [
            CaseRegistered(
                arrival_point=chance.choice(POSTS),
                arrival_date=on,
                sex="FM"[number % 2],
                age_band=chance.choice(BANDS),
                origin_regency="35.07",
                destination_country="MY",
            ),
            CaseScreened(
                trafficking_status=chance.choice(list(TraffickingStatus)),
                decided_by=StatusDecidedBy.GOVERNMENT,
                methods_of_control=(MethodOfControl.FALSE_PROMISES,),
            ),
            ConsentChanged(
                decisions=tuple(
                    ConsentDecision(agency=agency, status="given", level="identified") for agency in ("bp2mi", "iom")
                ),
                given_by="person",
            ),
            StayCheckedIn(stay=stay, facility=shelter, room_type="female", on=on),
            AidIssued(issue=stay, store=shelter, item="hygiene kit", quantity=1, on=on),
            SessionRecorded(session=stay, layer=2, kind="individual", on=on),
            StayCheckedOut(stay=stay, facility=shelter, on=left, reason="return_home"),
            CaseClosed(outcome="returned"),
        ]
        for fact in intake:
            yield self._event("/pulang/intake", case, fact)

    def _event(self, source: str, subject: str, fact: Fact) -> Event:
        at = rfc3339(datetime(2020, 6, 1, tzinfo=UTC))
        return Event(
            id=str(uuid_utils.uuid7()),
            source=source,
            type=fact.TYPE,
            subject=subject,
            time=at,
            recordedtime=at,
            streamversion=1,
            data=fact.to_data(),
        )
