"""Intake over HTTP."""

from services.intake.routes import cases, consent, identity, manifests, places, returning
from shared.http.routing import ServiceRouter

router = ServiceRouter(prefix="/intake", tags=["intake"])
for part in (places, manifests, cases, consent, identity, returning):
    router.include_router(part.router)
