"""Intake over HTTP."""

from services.intake.routes import access_record, cases, consent, identity, manifests, places, returning
from services.intake.routes.router import router

__all__ = ["access_record", "cases", "consent", "identity", "manifests", "places", "returning", "router"]
