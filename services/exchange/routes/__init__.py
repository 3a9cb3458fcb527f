"""Exchange over HTTP."""

from services.exchange.routes import agencies, deletions, feed, indicators, published, stream, timeline
from services.exchange.routes.router import router

__all__ = ["agencies", "deletions", "feed", "indicators", "published", "router", "stream", "timeline"]
