"""Requests and answers of exchange."""

from services.exchange.schemas.agencies import AgencyLog
from services.exchange.schemas.feed import FeedPage
from services.exchange.schemas.indicators import Indicators
from services.exchange.schemas.webhooks import (
    ChangeWebhook,
    Delivery,
    Pinged,
    RegisterWebhook,
    Replayed,
    ReplayMessages,
    RotateSecret,
    SkipMessage,
    Waiting,
    WebhookChanged,
    WebhookDeleted,
    WebhookKey,
    WebhookKeys,
    WebhookView,
    WebhookWithSecret,
)

__all__ = [
    "AgencyLog",
    "ChangeWebhook",
    "Delivery",
    "FeedPage",
    "Indicators",
    "Pinged",
    "RegisterWebhook",
    "ReplayMessages",
    "Replayed",
    "RotateSecret",
    "SkipMessage",
    "Waiting",
    "WebhookChanged",
    "WebhookDeleted",
    "WebhookKey",
    "WebhookKeys",
    "WebhookView",
    "WebhookWithSecret",
]
