"""All services in one app, on the embedded profile."""

import importlib
from collections.abc import Sequence

from fastapi import FastAPI

from pulang.services import SERVICES
from shared.bus.embedded import EmbeddedBus
from shared.ground import distributed, embedded
from shared.http.app import app_of, outside_from
from shared.security.roles import Roles
from shared.security.tokens import DevelopmentIssuer
from shared.service import Definition, Service
from shared.settings import ROLES, Environment, Replica, Settings


def definition(name: str) -> Definition:
    """What one service is made of."""
    found: Definition = getattr(importlib.import_module(f"services.{name}.main"), name.upper())
    return found


def definitions() -> Sequence[Definition]:
    """All of them, in the order in which they start."""
    return [definition(name) for name in SERVICES]


def create_app(settings: Settings) -> FastAPI:
    """Every service under its path, over one bus, with the development issuer of the data folder."""
    bus = EmbeddedBus(settings.bus)
    verifier = DevelopmentIssuer(settings.keys).verifier(Roles.load(ROLES))
    services = [Service(one, embedded(settings, one.name, one.migrations), bus, verifier) for one in definitions()]
    return app_of("Pulang", services, bus, outside=outside_from(Environment()))


def create_replica(name: str, replica: Replica) -> FastAPI:
    """One service over PostgreSQL and Kafka, for the tokens of an OIDC issuer. Raises SecretInvalid."""
    from shared.bus.kafka import KafkaBus
    from shared.security.oidc import OidcVerifier

    bus = KafkaBus(replica.kafka, creates=False)
    verifier = OidcVerifier(replica.issuer, replica.issuer_url, Roles.load(ROLES))
    one = definition(name)
    service = Service(one, distributed(replica, name, one.migrations), bus, verifier)
    outside = outside_from(Environment())
    return app_of(f"Pulang {name}", [service], bus, patient=True, parts=[verifier], outside=outside)
