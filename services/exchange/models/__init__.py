"""Exchange's tables: what it heard, the log of each agency, consent as it has applied it, places, webhooks, and the
facts behind the indicators."""

from services.exchange.models.base import GENERATIONS, METADATA, ExchangeTable
from services.exchange.models.consent import ConsentLevelRow, ConsentStep
from services.exchange.models.log import Agency, LogHead, LogRow, StoredEvent
from services.exchange.models.picture import CaseFact, ConsentFact, FacilityFact, IssueCount, SessionCount, StayFact
from services.exchange.models.places import GivenTo, Place
from services.exchange.models.webhooks import WebhookEndpoint, WebhookMessage, WebhookSecret

__all__ = [
    "GENERATIONS",
    "METADATA",
    "Agency",
    "CaseFact",
    "ConsentFact",
    "ConsentLevelRow",
    "ConsentStep",
    "ExchangeTable",
    "FacilityFact",
    "GivenTo",
    "IssueCount",
    "LogHead",
    "LogRow",
    "Place",
    "SessionCount",
    "StayFact",
    "StoredEvent",
    "WebhookEndpoint",
    "WebhookMessage",
    "WebhookSecret",
]
