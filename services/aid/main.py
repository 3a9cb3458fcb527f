"""Wiring."""

from pathlib import Path

from services.aid.commands.forgetting import FORGETTING
from services.aid.models import METADATA
from services.aid.reactions import REACTIONS, TOGETHER
from services.aid.routes import router
from shared.consuming.reactions import reacting
from shared.service import Definition

AID = Definition(
    name="aid",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(reacting("aid", REACTIONS, together=TOGETHER),),
    forgetting=FORGETTING,
)
