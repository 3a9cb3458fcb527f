"""The walk over a real Kafka and a real PostgreSQL: the services in this process, everything that they keep outside."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx

from pulang.app import definitions
from shared.bus.kafka import KafkaBus
from shared.http.app import Outside, app_of
from shared.http.limits import Limits, Rate
from shared.security.roles import Roles
from shared.security.tokens import DevelopmentIssuer
from shared.service import Service
from shared.settings import ROLES, Settings
from tests.access.matrix.row import ask
from tests.access.prepared import DAY, new_id
from tests.canary.asking import SERVICES, Remote, send
from tests.canary.embedded import TOPICS, tokens
from tests.canary.finding import Search, files, look_at_answers, topics
from tests.canary.marks import Marks
from tests.canary.planting import Sower
from tests.canary.walk import AGENCIES, Walk
from tests.real.kafka import RealKafka
from tests.real.postgres import _binaries, the_server
from tests.stores import OnServer

REFUSED = (
    "POST /intake/cases",
    "POST /intake/manifests",
    "POST /intake/cases/{case_id}/screenings",
    "GET /intake/cases/{case_id}/identity",
    "PUT /exchange/agencies/{agency}",
    "POST /exchange/webhooks",
)
NO_LIMIT = Outside(Limits(Rate(0, 0), Rate(0, 0)))


class Distributed:
    """With a broker of its own, and the server of this test run."""

    def __init__(self, folder: Path, broker: RealKafka, databases: OnServer) -> None:
        self.folder, self.broker, self.databases = folder, broker, databases
        self.settings = Settings(folder / "data")
        self.marks = Marks()
        self.bus = KafkaBus(broker.bootstrap)

    async def run(self) -> Search:
        """The walk, with a Kafka that is away for a while; then all is looked through.

        What is refused at the door is no other here than over one process: a few routes of each kind are asked.
        """
        async with self._running() as remote:
            document = (await remote.client.get("/openapi.json")).json()
            remote.answers.clear()
            walk = Walk(remote, Sower(document, self.marks, "https://127.0.0.1:9"), "https://127.0.0.1:9")
            await walk.open()
            await walk.journeys()
            self.broker.kill()
            person = {"sex": "F", "arrival_point": walk.own.post, "arrival_date": DAY, "register_anyway": True}
            for _ in range(5):
                sent, _ = walk.sower.planted("POST /intake/cases", ask(person | {"id": new_id()}))
                assert (await send(walk.everyone, "POST /intake/cases", sent)).status_code == 201
            self.broker.start()
            await walk.sow_everywhere()
            await walk.be_refused(REFUSED)
            await walk.erase()
            await walk.look()
            self.not_taken = walk.not_taken()
            search = Search(self.marks)
            look_at_answers(search, remote.answers)
            names = (*TOPICS, *(f"pulang.agency.{agency}" for agency in (*AGENCIES, "umum")))
            search.look("topics", [one async for one in topics(self.bus, names)])
        await self._checkpoint()
        search.look("dumps", [(one, await asyncio.to_thread(self._dump, one)) for one in (*SERVICES, "keys")])
        # Kafka's indexes hold offsets alone, and gigabytes of nothing.
        logs = (one for one in files(self.folder / "kafka") if not one[0].endswith(("index", ".jar")))
        search.look("kafka", logs)
        search.look("postgres", files(the_server().folder))
        return search

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Remote]:
        verifier = DevelopmentIssuer(self.settings.keys).verifier(Roles.load(ROLES))
        services = [
            Service(one, self.databases.ground(self.settings, one.name, one.migrations), self.bus, verifier)
            for one in definitions()
        ]
        app = app_of("Pulang", services, self.bus, outside=NO_LIMIT)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            remote = Remote("http://pulang.test", tokens(self.settings), transport=transport)
            yield remote
            await remote.client.aclose()

    async def _checkpoint(self) -> None:
        """What is in PostgreSQL's memory goes to its files."""
        admin = await asyncpg.connect(the_server().url("postgres"))
        await admin.execute("CHECKPOINT")
        await admin.close()

    def _dump(self, name: str) -> bytes:
        """As a backup of an operator's."""
        dump = [str(_binaries() / "pg_dump"), "--dbname", the_server().url(f"pulang_{name}"), "--inserts"]
        return subprocess.run(dump, check=True, capture_output=True).stdout
