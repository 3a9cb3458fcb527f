"""From the event log to Kafka, beside a raw aiokafka producer with the same bytes and beside `faststream-outbox`.

All three in this process, in turn, each to a topic of its own on one broker; both outboxes on one PostgreSQL. The raw
producer neither reads nor marks a row: it is the limit. Every figure is events per second from the first to the
moment at which everything is acknowledged (and, for the outboxes, marked or deleted).
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import uuid_utils
from aiokafka import AIOKafkaProducer

from benchmarks.parts import database, kafka, postgres, run_sql
from services.intake.main import INTAKE
from shared.bus.kafka import KafkaBus
from shared.bus.kafka.publishing import BATCH_BYTES
from shared.bus.protocol import Topic
from shared.database.postgres import PostgresDatabase
from shared.events.envelope import CONTENT_TYPE
from shared.events.fact import LIFECYCLE
from shared.migrating import migrate_server
from shared.outbox.lease import Lease
from shared.outbox.relay import Relay, backlog
from shared.security.secrets import Secrets
from shared.work import Desk
from tests.real.postgres import PostgresServer

EVENTS, ROUNDS, PARTITIONS = 20_000, 3, 4
PEER_EVENTS = 3_000
PAYLOAD_BYTES = 620
"""What `pulang.case.registered.v1` has."""
LOOK_SECONDS = 0.005


def measure() -> dict[str, Any]:
    """Medians of events per second over the rounds, and the ratios round by round."""
    with tempfile.TemporaryDirectory() as folder, kafka(Path(folder, "kafka")) as bootstrap, postgres() as server:
        return asyncio.run(_measure(bootstrap, server))


async def _measure(bootstrap: str, server: PostgresServer) -> dict[str, Any]:
    peer = _peer()
    raw, ours, theirs = [], [], []
    bus = KafkaBus(bootstrap)
    await bus.start()
    await bus.declare([Topic(name, PARTITIONS) for name in (LIFECYCLE, "raw", "peer")])
    await _raw(bootstrap, 2_000)
    for _ in range(ROUNDS):
        raw.append(await _raw(bootstrap, EVENTS))
        async with database(server, "intake") as url:
            ours.append(await _relay(bus, url))
        if peer is not None:
            async with database(server, "peer") as url:
                theirs.append(await peer(bootstrap, url))
    await bus.stop()
    figures: dict[str, Any] = {
        "raw_producer_per_second": round(statistics.median(raw)),
        "outbox_per_second": round(statistics.median(ours)),
        "ratio_to_raw": round(statistics.median(a / b for a, b in zip(ours, raw, strict=True)), 2),
    }
    if peer is None:
        return figures | {"faststream_outbox": "not installed: `make bench-setup`"}
    return figures | {
        "faststream_outbox_per_second": round(statistics.median(theirs)),
        "ratio_to_faststream_outbox": round(statistics.median(a / b for a, b in zip(ours, theirs, strict=True)), 1),
    }


async def _raw(bootstrap: str, count: int) -> float:
    # Batches as ours: with the default of 16 KiB it is slower.
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    headers = [("content-type", CONTENT_TYPE.encode())]
    messages = [(str(uuid_utils.uuid7()).encode(), _payload()) for _ in range(count)]
    began = time.perf_counter()
    sent = [await producer.send("raw", value, key=key, headers=headers) for key, value in messages]
    await asyncio.gather(*sent)
    took = time.perf_counter() - began
    await producer.stop()
    return count / took


async def _relay(bus: KafkaBus, url: str) -> float:
    await migrate_server(url, INTAKE.migrations)
    await _fill(url)
    store = PostgresDatabase(url)
    await store.start()
    desk = Desk("intake", store, Secrets.from_environment("A" * 43 + "="), keys=None)  # type: ignore[arg-type]
    relay = Relay(desk, bus, Lease(store, "relay"))
    began = time.perf_counter()
    await relay.start()
    while await store.read(backlog):
        await asyncio.sleep(LOOK_SECONDS)
    took = time.perf_counter() - began
    await relay.stop()
    await store.stop()
    return EVENTS / took


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    rows = [
        (
            *(str(uuid_utils.uuid7()), str(uuid_utils.uuid7()), 1, "pulang.case.registered.v1", LIFECYCLE),
            *(int(time.time() * 1000), _payload(), bytes(32)),
        )
        for _ in range(EVENTS)
    ]
    names = ("id", "subject", "streamversion", "type", "topic", "recorded_ms", "payload", "hash")
    await connection.copy_records_to_table("events", records=rows, columns=names)
    await connection.close()
    await run_sql(url, "ANALYZE events, unpublished")


def _payload() -> bytes:
    return str(uuid_utils.uuid7()).encode().ljust(PAYLOAD_BYTES, b"x")


def _peer() -> Callable[[str, str], Awaitable[float]] | None:
    """The relay of `faststream-outbox` to Kafka as its documentation shows it, with many workers and large fetches."""
    try:
        from faststream.kafka import KafkaBroker
        from faststream_outbox import OutboxBroker, make_outbox_table
    except ImportError:
        return None
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

    async def run(bootstrap: str, url: str) -> float:
        metadata = MetaData()
        table = make_outbox_table(metadata, table_name="outbox")
        engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=20)
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        outbox = OutboxBroker(engine, outbox_table=table, logger=None)
        bus = KafkaBroker(bootstrap, acks="all", enable_idempotence=True, logger=None)
        done = asyncio.Event()
        left = PEER_EVENTS

        @bus.publisher("peer")  # type: ignore[untyped-decorator, unused-ignore]
        @outbox.subscriber("events", max_workers=16, fetch_batch_size=500, min_fetch_interval=0.001)  # type: ignore[untyped-decorator, unused-ignore]
        async def relay(body: dict[str, str]) -> dict[str, str]:
            nonlocal left
            left -= 1
            if left <= 0:
                done.set()
            return body

        async with AsyncSession(engine) as session, session.begin():
            for _ in range(PEER_EVENTS):
                body = {"event": _payload().decode()[: PAYLOAD_BYTES - 13]}
                await outbox.publish(body, queue="events", session=session)
        await bus.connect()
        began = time.perf_counter()
        await outbox.start()
        await done.wait()
        took = time.perf_counter() - began
        await outbox.stop()
        await bus.stop()
        await engine.dispose()
        return PEER_EVENTS / took

    return run


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=2))
