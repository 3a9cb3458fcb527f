"""One registration per request on PostgreSQL, beside a bare asyncpg route that writes the same rows, in turn."""

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.parts import kafka, postgres
from benchmarks.replicas import replicas
from benchmarks.servers import call, load, process, wait_for
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Topic
from shared.service import SERVICE_TOPICS
from tests.real.postgres import PostgresServer, make_database

ROUNDS = 5
REQUESTS = 1000
CONNECTIONS = 16
POST = {"name": "Pos TNJ", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}


def measure() -> dict[str, Any]:
    """Medians over the rounds, and the ratio round by round."""
    with tempfile.TemporaryDirectory() as folder, kafka(Path(folder, "kafka")) as bootstrap, postgres() as server:
        asyncio.run(prepare(bootstrap, server, "intake", "intake_keys", "bare"))
        bare = [sys.executable, "-m", "uvicorn", "--factory", "benchmarks.bare_postgres:create_app", "--port", "8962"]
        with (
            replicas(["intake"], server, bootstrap, 8961) as running,
            process([*bare, "--log-level", "error", "--no-access-log"], BARE_DATABASE=server.url("bare")),
        ):
            wait_for("http://127.0.0.1:8962/docs")
            ours, limit = f"{running.addresses['intake']}/intake", "http://127.0.0.1:8962/cases"
            call("PUT", f"{ours}/arrival-points/TNJ", running.token("administrator", "bp2mi"), POST)
            officer = running.token("arrival_officer", "bp2mi", "TNJ")
            load(f"{ours}/cases", officer, "WARM", 200, CONNECTIONS)
            load(limit, "none", "WARM", 200, CONNECTIONS)
            single, bare_route = [], []
            for number in range(ROUNDS):
                single.append(load(f"{ours}/cases", officer, f"A{number}", REQUESTS, CONNECTIONS))
                bare_route.append(load(limit, "none", f"B{number}", REQUESTS, CONNECTIONS))
    rates = [(a["per_second"], b["per_second"]) for a, b in zip(single, bare_route, strict=True)]
    return {
        "registrations_per_second": statistics.median(ours for ours, _ in rates),
        "bare_asyncpg_per_second": statistics.median(theirs for _, theirs in rates),
        "ratio_to_bare_asyncpg": round(statistics.median(ours / theirs for ours, theirs in rates), 2),
        "registration_p99_ms": statistics.median(figures["p99_ms"] for figures in single),
    }


async def prepare(bootstrap: str, server: PostgresServer, *databases: str) -> None:
    """Databases, and the topics that `pulang provision` would make."""
    for name in databases:
        await make_database(server, name)
    bus = KafkaBus(bootstrap)
    await bus.start()
    agencies = [Topic(f"pulang.agency.{agency}", 4, 30, True) for agency in ("bp2mi", "iom", "kemensos")]
    letters = [Topic(f"pulang.dead-letters.{name}", 1) for name in ("intake", "exchange")]
    await bus.declare([*SERVICE_TOPICS, *agencies, *letters])
    await bus.stop()


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=2))
