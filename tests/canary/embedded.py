"""The walk over the embedded profile: a real process, killed and started again, with a broken database between."""

import asyncio
import re
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Record, UnknownTopic
from shared.consuming.dead_letters import topic_of
from shared.consuming.parking import RETRY_SECONDS
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.settings import Settings
from tests.access.matrix.row import ask
from tests.access.prepared import DAY, new_id
from tests.canary.asking import SERVICES, Remote, Token, send
from tests.canary.finding import Named, Search, files, look_at_answers, rows, topics
from tests.canary.marks import Marks
from tests.canary.planting import Sower
from tests.canary.walk import AGENCIES, Walk
from tests.real.certificates import Authority
from tests.services.exchange.webhooks.receiving import Heard, Receiver, receiving
from tests.shared.collecting import Collector, collecting
from tests.system.command import Up, pulang

BROKEN = {
    "intake": ("identities", "screenings", "consent_records", "legal_holds", "manifest_rows"),
    "psychosocial": ("sessions",),
    "exchange": ("webhook_endpoints",),
}
"""Tables that take nothing for a while."""
TOPICS = (LIFECYCLE, OPERATIONS, "pulang.audit", *map(topic_of, SERVICES))
COMMANDS = (
    ("status", "--verify"),
    ("audit", "verify"),
    ("dead-letters", "list"),
    ("erasures", "list"),
    ("watch", "iom", "--json", "--until-idle", "0.5"),
)


def tokens(settings: Settings) -> Token:
    """Of the development issuer, with whatever is claimed."""
    key: Any = load_pem_private_key((settings.keys / "development-issuer.pem").read_bytes(), password=None)

    def token(agency: str, roles: list[str], places: list[str], **claims: Any) -> str:
        now = int(time.time())
        said = {"iss": "pulang-development", "aud": "pulang", "sub": "orang", "iat": now, "exp": now + 3600}
        said |= {"agency": agency, "roles": roles, "facilities": places}
        return jwt.encode(said | claims, key, algorithm="EdDSA")

    return token


class Embedded:
    """In a folder with a migrated data folder in it. `end` in any case."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, Settings(folder / "data")
        self.marks = Marks()
        self.said: list[Named] = []
        """By the command line."""
        self.broken = 0
        """Requests that met a broken table."""
        self._up: Up | None = None
        self._variables: dict[str, str] = {}
        self._undecodable = self.marks.text("bytes on the bus that are no event")

    async def run(self) -> None:
        """All of it, to the stop."""
        authority = Authority()
        (self.folder / "ca.pem").write_bytes(authority.pem)
        with collecting() as self.collector:
            async with receiving(authority, "localhost") as self.receiver:
                self._variables = _variables(self.collector, self.folder / "ca.pem")
                await self._walk(self.receiver)

    async def _walk(self, receiver: Receiver) -> None:
        remote = await self._start()
        url = f"https://localhost:{receiver.port}"
        document = (await remote.client.get("/openapi.json")).json()
        remote.answers.clear()
        self.walk = walk = Walk(remote, Sower(document, self.marks, url), url)
        await walk.open()
        await walk.journeys()
        await walk.sow_everywhere()
        await self._killed_at_work()

        await self._poison()
        self._break()
        await walk.moved(await self._start())
        await self._meet_what_is_broken()
        self._stop()

        self._mend()
        await walk.moved(await self._start())
        await walk.be_refused()
        await walk.erase()
        await self._until(self._all_heard_of_the_erasure)
        self.streams = await walk.look()
        await asyncio.to_thread(self._ask_by_command)
        await self._told_of_dead_letters()
        await walk.remote.client.aclose()
        self._stop()

    async def _start(self) -> Remote:
        self._up = Up(self.settings.data, **self._variables)
        await asyncio.to_thread(self._up.ready)
        return Remote(self._up.url, tokens(self.settings))

    def _stop(self) -> None:
        assert self._up is not None
        assert self._up.stop() == 0

    def end(self) -> None:
        if self._up is not None:
            self._up.end()

    async def _killed_at_work(self) -> None:
        """As a power cut would, with requests under way."""
        assert self._up is not None
        person = {"sex": "F", "arrival_point": self.walk.own.post, "arrival_date": DAY, "register_anyway": True}

        async def register() -> None:
            sent, _ = self.walk.sower.planted("POST /intake/cases", ask(person | {"id": new_id()}))
            await send(self.walk.everyone, "POST /intake/cases", sent)

        under_way = [asyncio.create_task(register()) for _ in range(40)]
        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
        self._up.kill()
        await asyncio.gather(*under_way, return_exceptions=True)

    async def _poison(self) -> None:
        """On the bus: bytes that are no event, and a person's event as another source tells it, from the middle on."""
        bus = EmbeddedBus(self.settings.bus)
        await bus.start()
        async for _, content in topics(bus, [LIFECYCLE]):
            event = next(line for line in content.splitlines() if self.walk.cases[0].encode() in line)
        value = event[event.index(b"{") :].replace(b'"streamversion":', b'"streamversion":9')
        ahead = re.sub(rb'"source":"[^"]*"', b'"source":"/pulang/clinic"', value)
        await bus.publish(
            [
                Record(LIFECYCLE, new_id(), self._undecodable.encode(), 1_578_052_800_000),
                Record(LIFECYCLE, self.walk.cases[0], ahead, 1_578_052_800_000),
            ]
        )
        await bus.stop()

    def _break(self) -> None:
        for service, table in _broken():
            trigger = f"CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
            self._sql(service, trigger)

    def _mend(self) -> None:
        """And what is parked has one try left."""
        for service, table in _broken():
            self._sql(service, f"DROP TRIGGER broken_{table}")
        for service in SERVICES:
            self._sql(service, f"UPDATE parked SET attempts = {len(RETRY_SECONDS) - 1}, retry_at_ms = 0")

    def _sql(self, service: str, statement: str) -> None:
        with closing(sqlite3.connect(self.settings.database(service))) as file:
            file.execute(statement)
            file.commit()

    async def _meet_what_is_broken(self) -> None:
        person = {"sex": "F", "arrival_point": self.walk.own.post, "arrival_date": DAY, "register_anyway": True}
        case, webhook = self.walk.cases[-1], {"url": "X"}
        session = {"id": new_id(), "case_id": case, "layer": 3, "kind": "individual", "on": DAY}
        finding = {"trafficking_status": "NotAVictimOfTrafficking", "pregnant": True, "occurred_at": DAY}
        consent = {"decisions": [{"agency": "iom", "level": "identified"}], "given_by": "guardian", "occurred_at": DAY}
        rows = {"id": new_id(), "arrival_point": self.walk.own.post, "arrival_date": DAY, "rows": [{"row_key": "1"}]}
        for route, request in (
            ("POST /intake/cases", ask(person)),
            ("POST /intake/manifests", ask(rows)),
            ("POST /intake/cases/{case_id}/screenings", ask(finding, case_id=case)),
            ("POST /intake/cases/{case_id}/consents", ask(consent, case_id=case)),
            ("POST /intake/cases/{case_id}/legal-holds", ask({"reason": "prosecution"}, case_id=case)),
            ("POST /psychosocial/sessions", ask({"sessions": [session]})),
            ("POST /exchange/webhooks", ask(webhook)),
        ):
            sent, _ = self.walk.sower.planted(route, request)
            # After what was not foreseen the server hangs up, and another request may be on its way by then.
            answer = await send(self.walk.everyone, route, sent, headers={"Connection": "close"})
            self.broken += answer.status_code >= 500
        await self._until(lambda: all(self._parked(service) for service in SERVICES))

    def _all_heard_of_the_erasure(self) -> bool:
        heard = list(self.receiver.heard)
        told = {one.path for one in heard if one.subject == self.walk.erased and one.type == "case.erased"}
        return told >= {f"/{agency}" for agency in AGENCIES}

    def _parked(self, service: str, where: str = "1") -> int:
        with closing(sqlite3.connect(f"file:{self.settings.database(service)}?mode=ro", uri=True)) as file:
            (number,) = file.execute(f"SELECT count(*) FROM parked WHERE {where}").fetchone()
        return int(number)

    async def _told_of_dead_letters(self) -> None:
        await self._until(lambda: all(self._parked(service, "dead AND told") for service in SERVICES))

    async def _until(self, enough: Any) -> None:
        async with asyncio.timeout(60):
            while not enough():  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    def _ask_by_command(self) -> None:
        """As operators and agencies do; and a key under which nothing stands."""
        here = ("--data", self.settings.data)
        asked = [*COMMANDS, *(("dead-letters", "show", service, self.walk.cases[0]) for service in ("aid",))]
        with ThreadPoolExecutor(4) as beside:
            for command, said in zip(asked, beside.map(lambda one: pulang(*one, *here), asked), strict=True):
                self.said.append((" ".join(command), f"{said.out}\n{said.err}".encode()))

    async def everything(self) -> Search:
        """Looked through."""
        in_files = ("files data/bus.db", "rows bus.db", *(f"files data/{one}.db" for one in SERVICES))
        parked = tuple(f"rows {service}.db parked" for service in SERVICES)
        known = {self._undecodable: (*in_files, *parked, f"topics {LIFECYCLE}")}
        search = Search(self.marks, known)
        look_at_answers(search, self.walk.remote.answers)
        search.look("streams", self.streams.items())
        search.look("webhooks", ((one.headers["webhook-id"], _whole(one)) for one in self.receiver.heard))
        search.look("traces", (("spans", one) for one in self.collector.raw))
        search.look("commands", self.said)
        search.look("logs", [("up.log", (self.folder / "up.log").read_bytes())])
        search.look("files", files(self.folder))
        search.look("rows", rows(self.settings.data))
        search.look("topics", [one async for one in self._topics()])
        return search

    async def _topics(self) -> Any:
        bus = EmbeddedBus(self.settings.bus)
        await bus.start()
        for name in (*TOPICS, *(f"pulang.agency.{agency}" for agency in (*AGENCIES, "umum"))):
            try:
                async for one in topics(bus, [name]):
                    yield one
            except UnknownTopic:
                yield name, b""
        await bus.stop()


def _whole(heard: Heard) -> bytes:
    return b"\n".join(f"{name}: {value}".encode() for name, value in heard.headers.items()) + b"\n" + heard.body


def _broken() -> Iterator[tuple[str, str]]:
    return ((service, table) for service, tables in BROKEN.items() for table in tables)


def _variables(collector: Collector, ca: Path) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "PULANG_LOG": "debug",
        "PULANG_WEBHOOK_ALLOW": "127.0.0.0/8",
        "PULANG_WEBHOOK_CA": str(ca),
        "PULANG_RATE_LIMIT": "off",
        "PULANG_RATE_LIMIT_ADDRESS": "off",
        "PULANG_IDENTITY_READS": "100000/60",
    }
