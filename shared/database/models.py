"""SQLModel tables of one service, apart from those of any other in the same process."""

from typing import Any, cast

from sqlalchemy import MetaData, Table
from sqlmodel import SQLModel


def own_metadata() -> MetaData:
    """Names constraints the same on every database, so that a migration can find them again."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def table_of(model: type[SQLModel]) -> Table:
    """The Core table behind a model, for writes on a hot path."""
    return cast(Table, cast(Any, model).__table__)
