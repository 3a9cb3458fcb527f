"""Exchange over HTTP."""

from services.exchange.routes import agencies, deliveries, feed, indicators, webhooks
from services.exchange.routes.router import router

__all__ = ["agencies", "deliveries", "feed", "indicators", "router", "webhooks"]
