"""The projection behind the indicators: a picture of the season, built only from what was told."""

from services.exchange.projections.picture import INDICATORS, project, write

__all__ = ["INDICATORS", "project", "write"]
