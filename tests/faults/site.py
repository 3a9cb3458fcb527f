"""A cluster whose processes, wires and clocks can be broken: compose.yaml as local processes, with a proxy before Kafka
and one before PostgreSQL for each service."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from deploy.cluster import Cluster
from deploy.cluster.processes import Replica
from deploy.cluster.running import READY_SECONDS, cluster_of
from tests.faults.books import SERVICES, PostgresTables
from tests.faults.clocks import Clock, clock_in
from tests.faults.listening import read_topic
from tests.faults.load import AGENCIES
from tests.faults.proxy import Proxy
from tests.faults.tokens import Signed, signing

SERVICE_PORT, KAFKA_PORT, POSTGRES_PORT = 8000, 9092, 5432


@dataclass(slots=True)
class Site:
    """A running cluster, and what tests reach it by."""

    cluster: Cluster
    token: Signed
    tables: PostgresTables
    kafka_wire: Proxy
    wires: Mapping[str, Proxy]
    """Between a service and PostgreSQL."""
    clock: Clock
    """Of the last replica of intake."""

    @property
    def url(self) -> str:
        return self.cluster.places.text("http://gateway:8000")

    def replica(self, name: str) -> Replica:
        """By a name such as intake-1."""
        service, _, number = name.rpartition("-")
        return self.cluster.replica(service, int(number))

    def names(self, *services: str) -> tuple[str, ...]:
        """Of all replicas of these services."""
        return tuple(one.launch.name for service in services for one in self.cluster.replicas[service])

    def address(self, name: str) -> str:
        """Of one replica itself, past the gateway."""
        service, _, number = name.rpartition("-")
        return f"http://{self.cluster.places.address(service, int(number))}:{SERVICE_PORT}"

    async def leader(self, service: str) -> str | None:
        """The replica that holds the relay's lease, by the number in the service's database; None where none is
        seen to, or where the database does not answer."""
        try:
            rows = await self.tables.rows(service, "SELECT number FROM relay_lease WHERE name = 'relay'")
        except (OSError, TimeoutError, asyncpg.PostgresError):
            return None
        held = f'pulang_relay_lease_number{{relay="relay",service="{service}"}} {float(rows[0][0]) if rows else 0.0}'
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            for name in self.names(service):
                with contextlib.suppress(httpx.HTTPError):
                    if held in (await http.get(f"{self.address(name)}/metrics")).text.splitlines():
                        return name
        return None

    def last_words(self, lines: int = 60) -> str:
        """Of each replica, without the requests that it answered: what is left of a run whose folder is gone."""
        told = []
        for name in self.names(*SERVICES):
            log = self.replica(name).launch.log.read_text(errors="replace").splitlines()
            told += [f"{name}: {line[:300]}" for line in log if '"event":"request"' not in line][-lines:]
        return "\n".join(told)

    async def read_topics(self) -> dict[str, list[dict[str, Any]]]:
        """What stands on each agency's topic, read with the agency's own credentials."""
        volumes = self.cluster.folder / "volumes" / "secrets-kafka"
        told = {}
        for agency in AGENCIES:
            settings = {
                "bootstrap.servers": self.cluster.places.text("kafka:9094"),
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": agency,
                "sasl.password": (volumes / "agencies" / agency).read_text().strip(),
                "ssl.ca.location": str(volumes / "ca.pem"),
                "group.id": f"{agency}.checker",
            }
            told[agency] = await asyncio.to_thread(read_topic, f"pulang.agency.{agency}", settings)
        return told

    async def answers(self) -> dict[str, dict[str, object]]:
        """What each replica says to the same questions."""
        said: dict[str, dict[str, object]] = {}
        async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
            for service, path, (agency, role) in QUESTIONS:
                for name in self.names(service):
                    answer = await http.get(
                        self.address(name) + path, headers={"Authorization": f"Bearer {self.token(agency, role)}"}
                    )
                    answer.raise_for_status()
                    body = answer.json()
                    body.pop("next", None)  # cursors are sealed anew each time
                    said.setdefault(path, {})[name] = body
        return said


_EVERYTHING: tuple[str, str] = ("pulang", "administrator")
QUESTIONS = (
    ("intake", "/intake/cases?limit=1000", _EVERYTHING),
    ("intake", "/intake/places", _EVERYTHING),
    ("shelter", "/shelter/stays?limit=1000", _EVERYTHING),
    ("aid", "/aid/stock", _EVERYTHING),
    ("aid", "/aid/ledger?limit=1000", _EVERYTHING),
    ("psychosocial", "/psychosocial/sessions?limit=1000", ("kemensos", "supervisor")),
    ("exchange", "/exchange/indicators?from=2020-01-01&until=2030-01-01", _EVERYTHING),
    ("exchange", "/exchange/agencies", _EVERYTHING),
    ("exchange", "/exchange/feed?limit=1000", ("iom", "integrator")),
)


@contextlib.asynccontextmanager
async def running_site(replicas: int, folder: Path) -> AsyncIterator[Site]:
    """Ready, and stopped at the end. Raises Complaint where it cannot be had."""
    async with contextlib.AsyncExitStack() as stack:
        cluster = stack.enter_context(cluster_of(replicas, folder))
        # Stopping waits for processes, whose connections pass through proxies of this very loop.
        stack.push_async_callback(asyncio.to_thread, cluster.stop)
        token = stack.enter_context(signing())
        _without_keycloak(cluster, token.url)
        kafka = f"{cluster.places.address('kafka')}:{KAFKA_PORT}"
        postgres = f"{cluster.places.address('postgres')}:{POSTGRES_PORT}"
        kafka_wire = await stack.enter_async_context(Proxy(_pair(kafka)))
        wires = {service: await stack.enter_async_context(Proxy(_pair(postgres))) for service in SERVICES}
        # Whoever finds Kafka is told to come by the proxy.
        _reach(cluster.replica("kafka"), "INSIDE_ADVERTISED", kafka, _text(kafka_wire))
        for service, wire in wires.items():
            for replica in cluster.replicas[service]:
                _reach(replica, "PULANG_KAFKA", kafka, _text(kafka_wire))
                for name in ("PULANG_DATABASE", "PULANG_KEY_STORE"):
                    _reach(replica, name, postgres, _text(wire))
        clock = await asyncio.to_thread(_skew, cluster, folder)
        cluster.start()
        await asyncio.to_thread(cluster.wait, READY_SECONDS)
        password = (cluster.folder / "volumes" / "secrets-postgres" / "superuser").read_text().strip()
        tables = PostgresTables({one: f"postgresql://postgres:{password}@{postgres}/{one}" for one in SERVICES})
        yield Site(cluster, token, tables, kafka_wire, wires, clock)


def _without_keycloak(cluster: Cluster, issuer: str) -> None:
    cluster.services = [
        replace(one, depends_on={name: how for name, how in one.depends_on.items() if name != "keycloak"})
        for one in cluster.services
        if one.name != "keycloak"
    ]
    del cluster.replicas["keycloak"]
    for service in SERVICES:
        for replica in cluster.replicas[service]:
            environment = {"PULANG_OIDC_ISSUER": issuer, "PULANG_OIDC_URL": issuer}
            replica.launch = replace(replica.launch, environment={**replica.launch.environment, **environment})


def _skew(cluster: Cluster, folder: Path) -> Clock:
    last = cluster.replicas["intake"][-1]
    clock = clock_in(folder)
    last.launch = replace(last.launch, environment={**last.launch.environment, **clock.environment})
    return clock


def _reach(replica: Replica, variable: str, old: str, new: str) -> None:
    environment = dict(replica.launch.environment)
    if old not in environment[variable]:
        raise AssertionError(f"{replica.launch.name}: {variable} does not name {old}")
    environment[variable] = environment[variable].replace(old, new)
    replica.launch = replace(replica.launch, environment=environment)


def _pair(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def _text(proxy: Proxy) -> str:
    host, port = proxy.address
    return f"{host}:{port}"
