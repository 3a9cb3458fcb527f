"""All services in one app, on the embedded profile."""

import importlib
from collections.abc import Sequence

from fastapi import FastAPI

from shared.bus.embedded import EmbeddedBus
from shared.http.app import app_of
from shared.security.roles import Roles
from shared.security.tokens import DevelopmentIssuer
from shared.service import Definition, Service
from shared.settings import ROLES, Settings

SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")


def definitions() -> Sequence[Definition]:
    """What each service is made of, in the order in which they start."""
    return [getattr(importlib.import_module(f"services.{name}.main"), name.upper()) for name in SERVICES]


def create_app(settings: Settings) -> FastAPI:
    """Every service under its path, over one bus, with the development issuer of the data folder."""
    bus = EmbeddedBus(settings.bus)
    verifier = DevelopmentIssuer(settings.keys).verifier(Roles.load(ROLES))
    services = [Service(definition, settings, bus, verifier) for definition in definitions()]
    return app_of("Pulang", services, bus)
