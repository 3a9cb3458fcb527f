"""Exchange over HTTP."""

from services.exchange.routes import agencies, feed, indicators, published
from services.exchange.routes.router import router

__all__ = ["agencies", "feed", "indicators", "published", "router"]
