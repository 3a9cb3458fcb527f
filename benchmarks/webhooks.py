"""Deliveries of signed webhooks, beside a bare httpx loop that posts the same bytes to the same receiver, in turn.

Ten endpoints of one agency, ten thousand events to each. Ours counts from the start of the courier until every delivery
is written down: it takes the events from the agency's log in PostgreSQL, discloses, signs twice, keeps the order per
case and marks. The loop has the same bodies in memory, as many requests under way, and neither signs nor marks.
The receiver is a process of its own, over TLS. `python -m benchmarks.webhooks 500` for fewer events.
"""

import asyncio
import itertools
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import uuid_utils
from sqlalchemy import func, select

from benchmarks.parts import database, postgres
from benchmarks.servers import process
from services.exchange.commands.webhooks import register_webhook
from services.exchange.directory import Directory
from services.exchange.log import keep_log
from services.exchange.main import EXCHANGE
from services.exchange.queries import read_log
from services.exchange.schemas import RegisterWebhook
from services.exchange.webhooks.addresses import networks_in
from services.exchange.webhooks.courier import LEASE, Courier
from services.exchange.webhooks.messages import MESSAGES
from services.exchange.webhooks.settings import WebhookSettings
from shared.database.postgres import PostgresDatabase
from shared.events.envelope import CONTENT_TYPE, Event, rfc3339
from shared.events.fact import Fact
from shared.events.intake import CaseRegistered, CaseScreened, ConsentChanged, ConsentDecision
from shared.migrating import migrate_server
from shared.outbox.lease import Lease
from shared.security.secrets import Secrets
from shared.security.tokens import Caller
from shared.work import Cause, Desk
from tests.real.certificates import Authority
from tests.real.processes import free_ports

ENDPOINTS, EVENTS = 10, 10_000
A_CASE = 10
"""Events of each."""
HOST = "receiver.example.org"
LOOK_SECONDS = 0.1
CALLER = Caller(
    subject="benchmark",
    agency="iom",
    roles=frozenset({"integrator"}),
    facilities=frozenset(),
    permissions=frozenset({"webhook.manage"}),
    expires_at=datetime.max.replace(tzinfo=UTC),
    token_id="benchmark",  # noqa: S106
)


def measure(events: int = EVENTS) -> dict[str, Any]:
    """Deliveries per second, and the ratio."""
    with tempfile.TemporaryDirectory() as folder, _receiver(Path(folder)) as (port, ca), postgres() as server:
        return asyncio.run(_measure(server, port, ca, events))


async def _measure(server: Any, port: int, ca: Path, events: int) -> dict[str, Any]:
    async with _desk(server) as desk:
        settings = WebhookSettings(allow=networks_in("127.0.0.0/8"), ca=ca, look_up=_here)
        directory = Directory(desk.secrets.place)
        await _fill(desk, events)
        await _register(desk, port)
        stretch = await desk.read(lambda session: read_log(session, directory, "iom", 0, events))
        bodies = [one.payload for one in stretch.events]
        bare = await _bare(bodies, port, ca, settings.at_once)
        courier = Courier(desk, Lease(desk.database, LEASE), directory, settings)
        began = time.perf_counter()
        await courier.start()
        await _until_delivered(desk, ENDPOINTS * len(bodies))
        ours = ENDPOINTS * len(bodies) / (time.perf_counter() - began)
        await courier.stop()
    return {
        "endpoints": ENDPOINTS,
        "events": len(bodies),
        "bare_httpx_per_second": round(bare),
        "deliveries_per_second": round(ours),
        "ratio": round(ours / bare, 2),
    }


async def _bare(bodies: Sequence[bytes], port: int, ca: Path, at_once: int) -> float:
    """Posts per second, with as many under way as ours may have."""
    trusted = ssl.create_default_context(cafile=str(ca))
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)

    async def one(endpoint: int) -> None:
        url = f"https://127.0.0.1:{port}/{endpoint}"
        left = iter(bodies)
        async with httpx.AsyncClient(verify=trusted, limits=limits, trust_env=False, timeout=60) as http:

            async def post() -> None:
                for body in left:
                    answer = await http.post(
                        url,
                        content=body,
                        headers={"content-type": CONTENT_TYPE},
                        extensions={"sni_hostname": HOST},
                    )
                    answer.raise_for_status()

            await asyncio.gather(*(post() for _ in range(at_once)))

    began = time.perf_counter()
    await asyncio.gather(*(one(endpoint) for endpoint in range(ENDPOINTS)))
    return ENDPOINTS * len(bodies) / (time.perf_counter() - began)


async def _until_delivered(desk: Desk, count: int) -> None:
    delivered = select(func.count()).select_from(MESSAGES).where(~MESSAGES.c.open)
    while await desk.read(lambda session: session.execute(delivered).scalar_one()) < count:
        await asyncio.sleep(LOOK_SECONDS)


async def _register(desk: Desk, port: int) -> None:
    for endpoint in range(ENDPOINTS):
        body = RegisterWebhook(url=f"https://{HOST}:{port}/{endpoint}", history=True)
        await desk.write(partial(register_webhook, body=body), Cause(caller=CALLER))


async def _fill(desk: Desk, count: int) -> None:
    """An agency's log of so many events, as exchange takes them in."""
    told = _lives(count)
    while batch := list(itertools.islice(told, 1_000)):
        await desk.write(partial(keep_log, events=batch))


def _lives(count: int) -> Iterator[Event]:
    for _ in range(count // A_CASE):
        case = str(uuid_utils.uuid7())
        facts: list[Fact] = [
            CaseRegistered(arrival_point="TNJ", arrival_date=date(2020, 1, 4), sex="F"),
            ConsentChanged(
                decisions=(ConsentDecision(agency="iom", status="given", level="pseudonymous"),), given_by="person"
            ),
        ]
        facts += [
            CaseScreened(trafficking_status="PossibleVictimOfTrafficking", decided_by="NGO", care_layer=2)
            for _ in range(A_CASE - len(facts))
        ]
        moment = rfc3339(datetime.now(UTC) - timedelta(hours=1))
        for version, fact in enumerate(facts, 1):
            yield Event(
                id=str(uuid_utils.uuid7()),
                source="/pulang/intake",
                type=fact.TYPE,
                subject=case,
                time=moment,
                recordedtime=moment,
                streamversion=version,
                data=fact.to_data(),
            )


async def _here(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@asynccontextmanager
async def _desk(server: Any) -> AsyncIterator[Desk]:
    async with database(server, "exchange") as url:
        await migrate_server(url, EXCHANGE.migrations)
        store = PostgresDatabase(url)
        await store.start()
        yield Desk("exchange", store, Secrets.from_environment("A" * 43 + "="), keys=None)  # type: ignore[arg-type]
        await store.stop()


@contextmanager
def _receiver(folder: Path) -> Iterator[tuple[int, Path]]:
    """Its port, and the authority of its certificate."""
    authority, certificate, ca = Authority(), folder / "receiver.pem", folder / "ca.pem"
    certificate.write_bytes(authority.issue(HOST))
    ca.write_bytes(authority.pem)
    (port,) = free_ports(1)
    trusted = ssl.create_default_context(cafile=str(ca))
    with process([sys.executable, "-m", "benchmarks.receiver", str(certificate), str(port)]):
        with httpx.Client(verify=trusted, trust_env=False) as http:
            for _ in range(600):
                try:
                    http.get(f"https://127.0.0.1:{port}/ready", extensions={"sni_hostname": HOST})
                    break
                except httpx.TransportError:
                    time.sleep(0.05)
        yield port, ca


if __name__ == "__main__":
    import json

    print(json.dumps(measure(*(int(one) for one in sys.argv[1:])), indent=2))
