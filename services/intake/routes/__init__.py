"""Intake over HTTP."""

from services.intake.routes import (
    access_record,
    approvals,
    cases,
    consent,
    erasing,
    identity,
    manifests,
    places,
    returning,
)
from services.intake.routes.router import router

__all__ = [
    "access_record",
    "approvals",
    "cases",
    "consent",
    "erasing",
    "identity",
    "manifests",
    "places",
    "returning",
    "router",
]
