"""Intake over HTTP."""

from services.intake.routes import cases, consent, erasing, identity, manifests, places, returning
from services.intake.routes.router import router

__all__ = ["cases", "consent", "erasing", "identity", "manifests", "places", "returning", "router"]
