"""Requests and answers of exchange."""

from services.exchange.schemas.agencies import AgencyLog
from services.exchange.schemas.feed import FeedPage
from services.exchange.schemas.indicators import Indicators, PublishedMonth, Series

__all__ = ["AgencyLog", "FeedPage", "Indicators", "PublishedMonth", "Series"]
