"""Requests and answers of exchange."""

from services.exchange.schemas.agencies import AgencyLog, AgencyPolicy, PolicyChange, PutAgency
from services.exchange.schemas.deletions import Acknowledge, DeletionView
from services.exchange.schemas.feed import FeedPage
from services.exchange.schemas.indicators import Indicators, PublishedMonth, Series
from services.exchange.schemas.timeline import Timeline

__all__ = [
    "Acknowledge",
    "AgencyLog",
    "AgencyPolicy",
    "DeletionView",
    "FeedPage",
    "Indicators",
    "PolicyChange",
    "PublishedMonth",
    "PutAgency",
    "Series",
    "Timeline",
]
