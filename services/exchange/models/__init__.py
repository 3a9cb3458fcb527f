"""Exchange's tables: what it heard, the log of each agency, consent as it has applied it, places, and the facts behind
the indicators."""

from services.exchange.models.agencies import PolicyVersion
from services.exchange.models.base import GENERATIONS, METADATA, ExchangeTable
from services.exchange.models.consent import ConsentLevelRow, ConsentStep, DeletionRequest
from services.exchange.models.log import Agency, LogHead, LogRow, StoredEvent
from services.exchange.models.picture import CaseFact, DayCount, FacilityFact, PublishedMonth
from services.exchange.models.places import GivenTo, Place

__all__ = [
    "GENERATIONS",
    "METADATA",
    "Agency",
    "CaseFact",
    "ConsentLevelRow",
    "ConsentStep",
    "DayCount",
    "DeletionRequest",
    "ExchangeTable",
    "FacilityFact",
    "GivenTo",
    "LogHead",
    "LogRow",
    "Place",
    "PolicyVersion",
    "PublishedMonth",
    "StoredEvent",
]
