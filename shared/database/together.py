"""Rows for several tables in one statement: on a server each trip costs as much as the rows of a request.

PostgreSQL inserts them side by side (data-modifying WITH): no one of them sees another, and what one refers to may come
with it. On SQLite, where there is no trip, and for many rows, which go in bulk, each table has its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table, bindparam, insert
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared

MOST_ROWS = 12
Rows = Sequence[Mapping[str, Any]]
_Shape = tuple[tuple[Table, tuple[str, ...], int], ...]
"""Table, columns, how many rows; of each."""


def insert_together(session: Session, heaps: Iterable[tuple[Table, Rows]]) -> None:
    """The rows of each table have the same columns. Raises what SQLAlchemy raises."""
    some = [(table, rows) for table, rows in heaps if rows]
    bind = session.bind
    if (
        len(some) > 1
        and bind is not None
        and bind.dialect.name == "postgresql"
        and sum(len(rows) for _, rows in some) <= MOST_ROWS
    ):
        shape = tuple((table, tuple(rows[0]), len(rows)) for table, rows in some)
        _in_one(shape).write(session, [dict(_parameters(some))])
        return
    for table, rows in some:
        _alone(table).write(session, rows)


def _parameters(heaps: Sequence[tuple[Table, Rows]]) -> Iterable[tuple[str, Any]]:
    for heap, (_, rows) in enumerate(heaps):
        for number, row in enumerate(rows):
            for column, value in row.items():
                yield _name(heap, number, column), value


@cache
def _alone(table: Table) -> Prepared:
    return Prepared(insert(table))


@cache
def _in_one(shape: _Shape) -> Prepared:
    inserts = [
        insert(table).values(
            [
                {name: bindparam(_name(heap, number, name), type_=table.c[name].type) for name in columns}
                for number in range(count)
            ]
        )
        for heap, (table, columns, count) in enumerate(shape)
    ]
    others = [one.cte(f"heap_{heap}") for heap, one in enumerate(inserts[:-1])]
    return Prepared(inserts[-1].add_cte(*others))


def _name(heap: int, number: int, column: str) -> str:
    return f"h{heap}_{number}_{column}"
