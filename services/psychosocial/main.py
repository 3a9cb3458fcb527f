"""Wiring."""

from pathlib import Path

from services.psychosocial.commands.forgetting import FORGETTING
from services.psychosocial.models import METADATA
from services.psychosocial.reactions import REACTIONS, TOGETHER
from services.psychosocial.routes import router
from shared.consuming.reactions import reacting
from shared.service import Definition

PSYCHOSOCIAL = Definition(
    name="psychosocial",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(reacting("psychosocial", REACTIONS, together=TOGETHER),),
    forgetting=FORGETTING,
)
