"""A projection built again from the bus beside the live one, beside raw consuming with JSON parsing, in turn.

The raw consumer reads the same records with aiokafka and parses each with orjson; it checks, stores and marks nothing:
it is the limit. A rebuild counts from the moment it begins until it is the live one, with its rows and its marks in
PostgreSQL.
"""

import asyncio
import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer

from benchmarks.caseload import season
from benchmarks.parts import database, kafka, postgres
from services.exchange.main import EXCHANGE
from services.exchange.projections import INDICATORS
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Topic
from shared.consuming.loop import ConsumerLoop
from shared.consuming.rebuild import Rebuilding, begin
from shared.database.postgres import PostgresDatabase
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.migrating import migrate_server
from shared.security.secrets import Secrets
from shared.work import Desk
from tests.real.postgres import PostgresServer

CASES, ROUNDS, PARTITIONS = 10_000, 3, 4
PUBLISHED_AT_ONCE = 5_000
LOOK_SECONDS = 0.1


def measure() -> dict[str, Any]:
    """Medians of events per second over the rounds, and the ratio round by round."""
    with tempfile.TemporaryDirectory() as folder, kafka(Path(folder, "kafka")) as bootstrap, postgres() as server:
        return asyncio.run(_measure(bootstrap, server))


async def _measure(bootstrap: str, server: PostgresServer) -> dict[str, Any]:
    bus = KafkaBus(bootstrap)
    await bus.start()
    await bus.declare([Topic(name, PARTITIONS) for name in (LIFECYCLE, OPERATIONS)])
    records = list(season(CASES))
    for start in range(0, len(records), PUBLISHED_AT_ONCE):
        await bus.publish(records[start : start + PUBLISHED_AT_ONCE])
    raw, ours = [], []
    async with database(server, "exchange") as url:
        await migrate_server(url, EXCHANGE.migrations)
        store = PostgresDatabase(url)
        await store.start()
        desk = Desk("exchange", store, Secrets.from_environment("A" * 43 + "="), keys=None)  # type: ignore[arg-type]
        live, rebuilding = ConsumerLoop(desk, bus, INDICATORS), Rebuilding(desk, bus, [INDICATORS])
        await live.start()
        while live.consumed < len(records):
            await asyncio.sleep(LOOK_SECONDS)
        for _ in range(ROUNDS):
            raw.append(len(records) / await _consume(bootstrap, len(records)))
            ours.append(len(records) / await _rebuild(desk, rebuilding))
        await rebuilding.stop()
        await live.stop()
        await bus.stop()
        await store.stop()
    return {
        "events": len(records),
        "raw_consume_and_parse_per_second": round(statistics.median(raw)),
        "rebuilt_per_second": round(statistics.median(ours)),
        "ratio_to_raw": round(statistics.median(a / b for a, b in zip(ours, raw, strict=True)), 2),
    }


async def _consume(bootstrap: str, count: int) -> float:
    """Seconds."""
    group = uuid.uuid4().hex
    began = time.perf_counter()
    consumer = AIOKafkaConsumer(
        LIFECYCLE, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    seen = 0
    while seen < count:
        for messages in (await consumer.getmany(timeout_ms=1000)).values():
            for message in messages:
                orjson.loads(message.value)
            seen += len(messages)
    took = time.perf_counter() - began
    await consumer.stop()
    return took


async def _rebuild(desk: Desk, rebuilding: Rebuilding) -> float:
    """Seconds."""
    began = time.perf_counter()
    rebuilding.build({INDICATORS.name: await desk.write(lambda work: begin(work, INDICATORS))})
    while (await rebuilding.progress())[0]["building"] is not None:
        await asyncio.sleep(LOOK_SECONDS)
    took = time.perf_counter() - began
    ended = (await rebuilding.progress())[0]["ended"]
    if ended is not None:
        raise RuntimeError(ended)
    while any(not task.done() for _, task in rebuilding._builds):  # what was live is swept away
        await asyncio.sleep(LOOK_SECONDS)
    return took


if __name__ == "__main__":
    print(orjson.dumps(measure(), option=orjson.OPT_INDENT_2).decode())
