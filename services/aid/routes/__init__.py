"""Aid over HTTP."""

from services.aid.routes import donations, issues, requests, shipments, stores
from services.aid.routes.router import router

__all__ = ["donations", "issues", "requests", "router", "shipments", "stores"]
