"""Requests and answers of exchange."""

from services.exchange.schemas.agencies import AgencyLog, AgencyNow, AgencyPolicy, PolicyChange, PutAgency
from services.exchange.schemas.deletions import Acknowledge, DeletionView
from services.exchange.schemas.feed import FeedPage
from services.exchange.schemas.indicators import Indicators, PublishedMonth, Series
from services.exchange.schemas.timeline import Timeline
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
    "Acknowledge",
    "AgencyLog",
    "AgencyNow",
    "AgencyPolicy",
    "ChangeWebhook",
    "DeletionView",
    "Delivery",
    "FeedPage",
    "Indicators",
    "Pinged",
    "PolicyChange",
    "PublishedMonth",
    "PutAgency",
    "RegisterWebhook",
    "ReplayMessages",
    "Replayed",
    "RotateSecret",
    "Series",
    "SkipMessage",
    "Timeline",
    "Waiting",
    "WebhookChanged",
    "WebhookDeleted",
    "WebhookKey",
    "WebhookKeys",
    "WebhookView",
    "WebhookWithSecret",
]
