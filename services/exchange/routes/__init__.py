"""Exchange over HTTP."""

from services.exchange.routes import (
    agencies,
    deletions,
    deliveries,
    export,
    feed,
    indicators,
    published,
    stream,
    timeline,
    webhooks,
)
from services.exchange.routes.router import router

__all__ = [
    "agencies",
    "deletions",
    "deliveries",
    "export",
    "feed",
    "indicators",
    "published",
    "router",
    "stream",
    "timeline",
    "webhooks",
]
