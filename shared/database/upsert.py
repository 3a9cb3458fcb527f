"""INSERT … ON CONFLICT, built once per shape: building a statement takes longer than running it."""

from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table, key: tuple[str, ...], changed: tuple[str, ...] = ()) -> Any:
    """Insert rows; where one of that `key` is there, its `changed` columns take the new values, or it stays."""
    return _statement(connection.dialect.name, table, key, changed)


@cache
def _statement(dialect: str, table: Table, key: tuple[str, ...], changed: tuple[str, ...]) -> Any:
    new = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    if not changed:
        return new.on_conflict_do_nothing(index_elements=list(key))
    return new.on_conflict_do_update(
        index_elements=list(key), set_={column: new.excluded[column] for column in changed}
    )
