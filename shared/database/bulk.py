"""Statements for PostgreSQL that take whole columns as arrays: rows in bulk, and lists of any length.

`executemany` makes the server bind and run a statement for each row, and each length of a list is another statement to
prepare. An array is one parameter, however long it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BinaryExpression,
    BindParameter,
    Insert,
    Select,
    String,
    Update,
    any_,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql.dml import OnConflictDoUpdate
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.selectable import LateralFromClause
from sqlmodel.sql.sqltypes import AutoString

FEWEST_ROWS = 8
"""Below, `executemany` is as fast."""
_PLACE = "place_in_heap"

Rows = Sequence[Mapping[str, Any]]


def lists_as_arrays(statement: Any) -> Any:
    """The statement with `= ANY(array)` where it had `IN (a, b, …)` of an expanding parameter."""

    def array_for(element: Any, **_: Any) -> Any:
        if not isinstance(element, BinaryExpression) or element.operator is not operators.in_op:
            return None
        values = element.right
        if not isinstance(values, BindParameter) or not (values.expanding and values.required):
            return None
        return element.left == any_(bindparam(values.key, type_=_array_of(element.left.type)))

    return visitors.replacement_traverse(statement, {}, array_for)


def heap_of(types: Mapping[str, Any]) -> Any:
    """Parameters with these names, arrays of one length, as a table with a row for each place."""
    arrays = [bindparam(name, type_=_array_of(one)) for name, one in types.items()]
    return func.unnest(*arrays).table_valued(*types, with_ordinality=_PLACE, name="heap").render_derived()


def one_by_one(chosen: Select[Any, Any], name: str) -> LateralFromClause:
    """A question that is asked anew for each row of what it refers to, and so looks for its rows by their whole key.

    A plan is made and kept while tables are empty, and the server counts their rows a minute later: until then it took
    a part of the key, or a join, and walked through all there is. OFFSET 0 changes nothing, and keeps it from that.
    """
    return chosen.offset(literal_column("0")).lateral(name)


class Bulk:
    """One INSERT or UPDATE for many rows, made of the one for a single row."""

    def __init__(self, statement: Any, distinct: Sequence[str]) -> None:
        self.statement = statement
        self._distinct = distinct

    def takes(self, rows: Rows) -> bool:
        """Whether the one statement would do what one for each row does: none may meet what another one wrote."""
        if not self._distinct:
            return True
        return len({tuple(row[name] for name in self._distinct) for row in rows}) == len(rows)

    @staticmethod
    def columns(rows: Rows) -> dict[str, list[Any]]:
        """The parameters of the one statement."""
        return {name: [row[name] for row in rows] for name in rows[0]}


def in_bulk(statement: Any, names: Iterable[str]) -> Bulk | None:
    """For rows with these names; None where a statement has no such form."""
    parameters = tuple(names)
    if isinstance(statement, Insert):
        return _insert_in_bulk(statement, parameters)
    if isinstance(statement, Update):
        return _update_in_bulk(statement, parameters)
    return None


def _insert_in_bulk(statement: Insert, names: tuple[str, ...]) -> Bulk | None:
    types = {name: statement.table.c[name].type for name in names if name in statement.table.c}
    given = cast(Any, statement)
    if len(types) < len(names) or given._values or given._multi_values or given.select is not None:
        return None
    if any(isinstance(one, ARRAY) for one in types.values()):
        return None  # `unnest` takes arrays of arrays apart
    heap = heap_of(types)
    # Numbered in the order of the rows: what a column counts up (a position in a log) must follow it.
    rows = select(*(heap.c[name] for name in names)).order_by(heap.c[_PLACE])
    conflict = given._post_values_clause
    distinct = _key_of(conflict) if isinstance(conflict, OnConflictDoUpdate) else ()
    if distinct is None:
        return None
    return Bulk(statement.from_select(names, rows, include_defaults=False), distinct)


def _update_in_bulk(statement: Update, names: tuple[str, ...]) -> Bulk | None:
    """Of an UPDATE that finds its rows by `column = parameter`."""
    assigned = cast(Any, statement)._values or {}
    types = {
        bind.key: statement.table.c[column if isinstance(column, str) else column.key].type
        for column, bind in assigned.items()
        if isinstance(bind, BindParameter)
    }
    keys = {
        part.right.key: part.left.type
        for part in visitors.iterate(cast(Any, statement).whereclause)
        if isinstance(part, BinaryExpression)
        and part.operator is operators.eq
        and isinstance(part.right, BindParameter)
        and part.right.key in names
    }
    types |= keys
    if types.keys() != set(names) or not keys or any(isinstance(one, ARRAY) for one in types.values()):
        return None
    heap = heap_of(types)

    def column_for(element: Any, **_: Any) -> Any:
        return heap.c[element.key] if isinstance(element, BindParameter) and element.key in names else None

    return Bulk(visitors.replacement_traverse(statement, {}, column_for), tuple(keys))


def _key_of(conflict: OnConflictDoUpdate) -> tuple[str, ...] | None:
    elements = cast(Any, conflict).inferred_target_elements
    if not elements:
        return None
    return tuple(element if isinstance(element, str) else element.key for element in elements)


def _array_of(one: Any) -> ARRAY[Any]:
    """Texts without their length: a cast to VARCHAR(n) would cut them silently, where a column refuses them."""
    bare = one.impl_instance if isinstance(one, AutoString) else one
    return ARRAY(String() if type(bare) is String else one)
