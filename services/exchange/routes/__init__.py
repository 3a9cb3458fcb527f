"""Exchange over HTTP."""

from services.exchange.routes import agencies, deletions, feed, indicators, stream, timeline
from services.exchange.routes.router import router

__all__ = ["agencies", "deletions", "feed", "indicators", "router", "stream", "timeline"]
