"""Psychosocial over HTTP."""

from services.psychosocial.routes import sessions, worklist
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/psychosocial", tags=["psychosocial"])
for part in (worklist, sessions):
    router.include_router(part.router)
