"""Wiring."""

from pathlib import Path

from services.shelter.commands.forgetting import FORGETTING
from services.shelter.models import METADATA
from services.shelter.reactions import REACTIONS, TOGETHER
from services.shelter.routes import router
from shared.consuming.reactions import reacting
from shared.service import Definition

SHELTER = Definition(
    name="shelter",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(reacting("shelter", REACTIONS, together=TOGETHER),),
    forgetting=FORGETTING,
)
"""The shelter service."""
