"""`pulang serve` over a real PostgreSQL and a real Kafka, for tokens of an issuer of our own."""

import base64
import contextlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jwt

from benchmarks.servers import process, wait_for
from tests.real.postgres import PostgresServer
from tests.shared.security.issuers import Issuer


@dataclass(frozen=True, slots=True)
class Replicas:
    """Running services by name, each at an address of its own."""

    addresses: dict[str, str]
    issuer: Issuer
    key: object

    def token(self, role: str, agency: str, *facilities: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {"iss": self.issuer.name, "aud": "pulang", "sub": f"{role}@{agency}", "agency": agency}
        claims |= {"roles": [role], "facilities": list(facilities), "iat": now, "exp": now + 3600}
        return jwt.encode(claims, self.key, algorithm="EdDSA", headers={"kid": "bench"})  # type: ignore[arg-type]


@contextlib.contextmanager
def replicas(services: Sequence[str], server: PostgresServer, kafka: str, first_port: int) -> Iterator[Replicas]:
    """Their databases made and migrated; ready when it yields. The topics must be there."""
    issuer = Issuer()
    key = issuer.add("bench")
    with contextlib.ExitStack() as stack:
        stack.callback(issuer.close)
        addresses = {}
        for number, name in enumerate(services):
            settings = _settings(name, server, kafka, issuer.url)
            with process([sys.executable, "-m", "pulang", "migrate", name], **settings) as migration:
                if migration.wait(60) != 0:
                    raise RuntimeError(f"{name} was not migrated")
            words = ["serve", name, "--port", str(first_port + number)]
            stack.enter_context(process([sys.executable, "-m", "pulang", *words], **settings))
            addresses[name] = f"http://127.0.0.1:{first_port + number}"
        for address in addresses.values():
            wait_for(f"{address}/readyz")
        yield Replicas(addresses, issuer, key)


def _settings(name: str, server: PostgresServer, kafka: str, issuer: str) -> dict[str, str]:
    return {
        "PULANG_DATABASE": server.url(name),
        "PULANG_KEY_STORE": server.url(f"{name}_keys"),
        "PULANG_KEK": base64.b64encode(os.urandom(32)).decode(),
        "PULANG_ROOT_SECRET": base64.b64encode(os.urandom(32)).decode(),
        "PULANG_KAFKA": kafka,
        "PULANG_OIDC_ISSUER": issuer,
        "PULANG_LOG": "warning",
    }
