"""All routes of the all-in-one app, as they are declared."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from shared.http.door import Guard
from shared.security.roles import Roles
from shared.settings import ROLES
from tests.world import Pulang, User

OPEN = ("/livez", "/readyz", "/metrics", "/openapi.json", "/docs")
"""What needs no token: health, metrics and documents."""
PLACES = ["TNJ", "RPTC-TANJUNG-PINANG"]
SOME_ID = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"


@dataclass(frozen=True, slots=True)
class Walked:
    """One operation: `permissions` of the guards at its door, `described` as the OpenAPI document has it."""

    method: str
    template: str
    permissions: frozenset[str]
    described: dict[str, Any] | None

    @property
    def path(self) -> str:
        """A path that the template matches."""
        return re.sub(r"\{[^}]*\}", lambda found: SOME_ID if "_id" in found[0] else PLACES[0], self.template)

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def walk(app: FastAPI) -> Iterator[Walked]:
    """Every route with every method, but those that are open to all."""
    paths = app.openapi()["paths"]
    for route in iter_route_contexts(app.routes):
        if route.path in OPEN:
            continue
        guards = frozenset(_guards(getattr(route, "dependant", None)))
        for method in sorted(route.methods or {"(none)"}):
            described = paths.get(getattr(route, "path_format", None) or "", {}).get(method.lower())
            yield Walked(method, route.path or "(none)", guards, described)


def _guards(dependant: Dependant | None) -> Iterator[str]:
    for inner in dependant.dependencies if dependant is not None else ():
        if isinstance(inner.call, Guard):
            yield inner.call.permission
        yield from _guards(inner)


def holder(pulang: Pulang, permission: str, *, lacking: bool = False) -> User:
    """Somebody who has the permission, or lacks it."""
    role = next(
        role.name for role in Roles.load(ROLES).by_name.values() if (permission in role.permissions) is not lacking
    )
    return pulang.user(role, "bp2mi" if role == "arrival_officer" else "kemensos", PLACES)
