"""The base of exchange's tables."""

from sqlalchemy.orm import registry
from sqlmodel import SQLModel

from shared.consuming.projection import generations_in
from shared.database.models import own_metadata

METADATA = own_metadata()
GENERATIONS = generations_in(METADATA)


class ExchangeTable(SQLModel, registry=registry(metadata=METADATA)):
    """Base of exchange's tables."""
