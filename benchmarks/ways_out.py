"""What the ways out to the agencies cost: three of them beside one, and a page of the feed at a million events.

`fanout`: from `pulang.lifecycle` on Kafka into the logs of one agency or of three, and from there to their topics, on
PostgreSQL; in turn. `feed`: pages of a thousand events at random places of a log behind which a million are stored,
over HTTP, read whole by a client; beside the limit of 50 ms.
"""

import asyncio
import random
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import delete
from sqlmodel import col

from benchmarks.caseload import AGENCIES, EVENTS_OF_A_CASE, season
from benchmarks.parts import database, kafka, percentile, postgres, sealing_nothing
from services.exchange.directory import Directory
from services.exchange.log import LOG, keep_log
from services.exchange.main import EXCHANGE
from services.exchange.models import Agency, PolicyVersion
from services.exchange.policy import agency_topic, topic_of_agency
from services.exchange.relay import LEASE, AgencyRelay
from services.exchange.routes.choosing import cursor_at
from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Topic, appended
from shared.consuming.loop import ConsumerLoop
from shared.database.postgres import PostgresDatabase
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.http.app import app_of
from shared.migrating import migrate_server
from shared.outbox.lease import Lease
from shared.security.roles import Roles
from shared.security.secrets import Secrets
from shared.security.tokens import DevelopmentIssuer
from shared.service import Service
from shared.settings import ROLES
from shared.work import Desk
from tests.real.postgres import PostgresServer

CASES, ROUNDS, PARTITIONS = 4_000, 3, 4
STORED, PAGES, PAGE = 1_000_000, 60, 1_000
AT_ONCE = 4_000
LOOK_SECONDS = 0.05
LIMIT_MS = 50.0
SECRET = "A" * 43 + "="


def fan_out() -> dict[str, Any]:
    """Medians over the rounds of seconds for the same events, and the ratio round by round."""
    with tempfile.TemporaryDirectory() as folder, kafka(Path(folder, "kafka")) as bootstrap, postgres() as server:
        return asyncio.run(_fan_out(bootstrap, server))


async def _fan_out(bootstrap: str, server: PostgresServer) -> dict[str, Any]:
    took: dict[int, list[float]] = {1: [], 3: []}
    for turn in range(ROUNDS):
        for agencies in (AGENCIES[:1], AGENCIES):
            async with database(server, f"exchange_{turn}_{len(agencies)}") as url:
                took[len(agencies)].append(await _send(bootstrap, url, agencies, f"{turn}{len(agencies)}"))
    one, three = took[1], took[3]
    return {
        "events": CASES * EVENTS_OF_A_CASE,
        "one_agency_seconds": round(statistics.median(one), 2),
        "three_agencies_seconds": round(statistics.median(three), 2),
        "three_to_one": round(statistics.median(b / a for a, b in zip(one, three, strict=True)), 2),
    }


async def _send(bootstrap: str, url: str, agencies: tuple[str, ...], tag: str) -> float:
    """Seconds from the first record that is taken in until the last one stands on the last topic."""
    await migrate_server(url, EXCHANGE.migrations)
    store, bus = PostgresDatabase(url), KafkaBus(bootstrap)
    await store.start()
    await bus.start()
    names = [Topic(name, PARTITIONS) for name in (LIFECYCLE, OPERATIONS)]
    await bus.declare([*names, *(topic_of_agency(agency) for agency in agencies)])
    desk = Desk("exchange", store, Secrets.from_environment(SECRET), keys=None)  # type: ignore[arg-type]
    await desk.write(lambda work: _only(work.session, agencies))
    begun = {agency: await appended(bus, agency_topic(agency)) for agency in agencies}
    records = list(season(CASES, agencies))
    for start in range(0, len(records), AT_ONCE):
        await bus.publish(records[start : start + AT_ONCE])
    consumer = ConsumerLoop(desk, bus, LOG)
    relay = AgencyRelay(desk, bus, Lease(store, LEASE), Directory(desk.secrets.place))
    began = time.perf_counter()
    await consumer.start()
    await relay.start()
    # The topics are the same in every round: only what this one adds counts. A case tells all of it to each agency.
    while any([await appended(bus, agency_topic(one)) - begun[one] < len(records) for one in agencies]):
        await asyncio.sleep(LOOK_SECONDS)
    took = time.perf_counter() - began
    for part in (relay, consumer, bus, store):
        await part.stop()
    return took


def _only(session: Any, agencies: tuple[str, ...]) -> None:
    session.execute(delete(Agency).where(col(Agency.agency).not_in(agencies)))
    session.execute(delete(PolicyVersion).where(col(PolicyVersion.agency).not_in(agencies)))


def feed() -> dict[str, Any]:
    """Milliseconds for a page, in the log of an agency that may see every event."""
    with tempfile.TemporaryDirectory() as folder, postgres() as server:
        return asyncio.run(_feed(Path(folder), server))


async def _feed(folder: Path, server: PostgresServer) -> dict[str, Any]:
    async with database(server, "exchange") as url:
        await migrate_server(url, EXCHANGE.migrations)
        store = PostgresDatabase(url)
        issuer, secrets = DevelopmentIssuer(folder), Secrets.from_environment(SECRET)
        ground = sealing_nothing(store, secrets)
        service = Service(EXCHANGE, ground, EmbeddedBus(folder / "bus.db"), issuer.verifier(Roles.load(ROLES)))
        await store.start()
        batch: list[Event] = []
        for record in season(STORED // EVENTS_OF_A_CASE):
            batch.append(Event.from_bytes(record.value))
            if len(batch) == AT_ONCE:
                taken, batch = batch, []
                await service.desk.write(partial(keep_log, events=taken))
        app = app_of("exchange", [service], service.bus)
        headers = {"Authorization": f"Bearer {issuer.issue('iom', 'integrator')}"}
        transport = httpx.ASGITransport(app)
        plain: list[float] = []
        zipped: list[float] = []
        async with httpx.AsyncClient(transport=transport, base_url="http://x", headers=headers, timeout=60) as client:
            rng = random.Random(1)  # noqa: S311
            for page in range(PAGES + 5):
                at = cursor_at(secrets.cursor, "iom", rng.randrange(STORED - PAGE))
                for kept, encoding in ((plain, "identity"), (zipped, "gzip")):
                    began = time.perf_counter()
                    answer = await client.get(
                        "/exchange/feed",
                        params={"after": at, "limit": PAGE},
                        headers={"Accept-Encoding": encoding},
                    )
                    took = (time.perf_counter() - began) * 1000
                    if len(orjson.loads(answer.content)["events"]) != PAGE:
                        raise RuntimeError("a page lacks events")
                    if page >= 5:
                        kept.append(took)
        await store.stop()
    found = sorted(plain)
    return {
        "stored_events": STORED,
        "page_of_1000_p50_ms": round(percentile(found, 0.5), 1),
        "page_of_1000_p95_ms": round(percentile(found, 0.95), 1),
        "with_gzip_p50_ms": round(percentile(sorted(zipped), 0.5), 1),
        "limit_ms": LIMIT_MS,
        "p50_of_limit": round(percentile(found, 0.5) / LIMIT_MS, 2),
    }


if __name__ == "__main__":
    print(orjson.dumps({"fanout": fan_out(), "feed": feed()}, option=orjson.OPT_INDENT_2).decode())
