"""From a commit in intake to an agency's consumer, beside one raw produce-to-consume hop, at the same time.

On the way: intake's relay, Kafka, exchange's reader and its log in PostgreSQL, exchange's relay, Kafka. Screenings of
cases that the agency may follow are posted at a steady pace; between them a raw producer sends records of the same
size to a topic of its own, which a consumer reads as the agency does. The delay of an event counts from its commit, as
PostgreSQL's own log of commits dates it; that of a raw record from before it is sent.
"""

import asyncio
import json
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from benchmarks.load import ARRIVAL, people
from benchmarks.parts import kafka, percentile, postgres
from benchmarks.registration_postgres import POST, prepare
from benchmarks.replicas import Replicas, replicas
from benchmarks.servers import call
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Topic

CASES = 100
EVERY_SECONDS = 0.04
EVENTS = 1500
WARM_UP = 100
AGENCY, RAW = "pulang.agency.iom", "raw"
SETTLE_SECONDS = 3.0
QUIET_SECONDS = 10.0


def measure() -> dict[str, Any]:
    """Delays in ms, and their ratios."""
    dated = postgres(track_commit_timestamp="on")
    with tempfile.TemporaryDirectory() as folder, kafka(Path(folder, "kafka")) as bootstrap, dated as server:
        asyncio.run(prepare(bootstrap, server, "intake", "intake_keys", "exchange", "exchange_keys"))
        with replicas(["intake", "exchange"], server, bootstrap, 8963) as running:
            return asyncio.run(_measure(running, bootstrap, server.url("intake")))


async def _measure(running: Replicas, bootstrap: str, intake_database: str) -> dict[str, Any]:
    bus = KafkaBus(bootstrap)
    await bus.start()
    await bus.declare([Topic(RAW, 4)])
    await bus.stop()
    intake = f"{running.addresses['intake']}/intake"
    call("PUT", f"{intake}/arrival-points/TNJ", running.token("administrator", "bp2mi"), POST)
    head = {"Authorization": f"Bearer {running.token('arrival_officer', 'bp2mi', 'TNJ')}"}
    async with httpx.AsyncClient(base_url=intake, headers=head) as http:
        cases = [await _arrive(http, person) for person in people(CASES, "HOP")]
        await asyncio.sleep(SETTLE_SECONDS)
        ours, raw = _Listener(bootstrap, AGENCY), _Listener(bootstrap, RAW)
        await asyncio.gather(ours.start(), raw.start())
        producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
        await producer.start()
        sending, began = set(), dict[str, float]()
        for number in range(WARM_UP + EVENTS):
            sending.add(asyncio.create_task(_screen(http, cases[number % CASES])))
            await asyncio.sleep(EVERY_SECONDS / 2)
            began[str(number)] = time.time()
            value = json.dumps({"id": str(number), "data": "x" * 590}).encode()
            sending.add(asyncio.create_task(producer.send_and_wait(RAW, value, key=cases[number % CASES].encode())))
            await asyncio.sleep(EVERY_SECONDS / 2)
        await asyncio.gather(*sending)
        for listener in (ours, raw):
            await listener.until(WARM_UP + EVENTS)
        await producer.stop()
    theirs = ours.delays(await _commits(intake_database))
    limit = raw.delays(began)
    figures = {
        f"{name}_p{part}_ms": round(percentile(delays, part / 100), 1)
        for name, delays in (("agency", theirs), ("raw_hop", limit))
        for part in (50, 99)
    }
    return figures | {
        f"ratio_of_p{part}": round(percentile(theirs, part / 100) / percentile(limit, part / 100), 2)
        for part in (50, 99)
    }


async def _commits(database: str) -> dict[str, float]:
    """When each event was committed, in seconds since 1970."""
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("SELECT id, extract(epoch FROM pg_xact_commit_timestamp(xmin)) AS at FROM events")
        return {row["id"]: float(row["at"]) for row in rows}
    finally:
        await connection.close()


async def _arrive(http: httpx.AsyncClient, person: dict[str, Any]) -> str:
    """A registered person whose case the agency may follow; its id."""
    made = await http.post("/cases", json=person | ARRIVAL)
    made.raise_for_status()
    case = str(made.json()["case_id"])
    consent = {
        "id": str(uuid.uuid4()),
        "decisions": [{"agency": "iom", "level": "pseudonymous"}],
        "given_by": "person",
        "witness": "Saksi Contoh",
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    (await http.post(f"/cases/{case}/consents", json=consent)).raise_for_status()
    return case


async def _screen(http: httpx.AsyncClient, case: str) -> None:
    body = {
        "id": str(uuid.uuid4()),
        "trafficking_status": "PossibleVictimOfTrafficking",
        "care_layer": 2,
        "occurred_at": datetime.now(UTC).isoformat(),
    }
    (await http.post(f"/cases/{case}/screenings", json=body)).raise_for_status()


class _Listener:
    """Reads a topic from now on, and notes when each record came."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._came: dict[str, float] = {}
        self._consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=f"iom.{uuid.uuid4().hex}",
            auto_offset_reset="latest",
            enable_auto_commit=False,
        )

    async def start(self) -> None:
        await self._consumer.start()
        await self._consumer.seek_to_end()
        for place in self._consumer.assignment():
            await self._consumer.position(place)
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._consumer:
            now = time.time()
            self._came.setdefault(json.loads(message.value)["id"], now)

    def delays(self, began: dict[str, float]) -> list[float]:
        """Of all but the first ones, in ms, the shortest first."""
        return sorted((at - began[one]) * 1000 for one, at in list(self._came.items())[WARM_UP:])

    async def until(self, count: int) -> None:
        async with asyncio.timeout(QUIET_SECONDS):
            while len(self._came) < count:
                await asyncio.sleep(0.05)
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._consumer.stop()


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
