"""Intake over HTTP."""

from fastapi import APIRouter

from services.intake.routes import cases, consent, identity, manifests, places, returning

router = APIRouter(prefix="/intake", tags=["intake"])
for part in (places, manifests, cases, consent, identity, returning):
    router.include_router(part.router)
