"""Exchange over HTTP."""

from services.exchange.routes import agencies, deletions, feed, indicators, stream
from services.exchange.routes.router import router

__all__ = ["agencies", "deletions", "feed", "indicators", "router", "stream"]
