"""Wiring."""

from pathlib import Path

from services.intake.commands.expiry import expire_consents
from services.intake.commands.forgetting import FORGETTING
from services.intake.models import METADATA
from services.intake.reactions import REACTIONS, gather
from services.intake.routes import router
from shared.consuming.reactions import reacting
from shared.service import Definition

INTAKE = Definition(
    name="intake",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(reacting("intake", REACTIONS, gather=gather),),
    clock=(expire_consents,),
    forgetting=FORGETTING,
)
