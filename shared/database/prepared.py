"""Statements that run at every request: compiled once, and handed to the driver without a detour.

SQLAlchemy takes 30 to 70 microseconds to make parameters, a context and a result of what SQLite does in 2 to 10, and
what asyncpg needs 75 for; with eight statements to a registration and as many to each consumer's batch, that was a
third of the process. A statement is still written with SQLAlchemy, and its columns' types still convert what goes in
and comes out; only the way to the driver is short. On any other database SQLAlchemy runs it (docs/decisions/0007).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Executable, Select, Table
from sqlalchemy.orm import Session

from shared.database.bulk import lists_as_arrays
from shared.database.statements import OnPostgres, OnSqlite, Parameters, Statement

Entity = TypeVar("Entity")
_WAYS: Mapping[str, type[Statement]] = {"sqlite": OnSqlite, "postgresql": OnPostgres}


class Prepared:
    """A statement with named parameters, to be run on any session; or how to write it in a dialect of that name.

    Parameters of `in_(bindparam(…, expanding=True))` are sequences. Of an INSERT, every column with a default of
    Python's must be given. Rows come as named tuples. Raises what SQLAlchemy raises (IntegrityError, …), and
    TransactionLost.
    """

    def __init__(self, statement: Executable | Callable[[str], Any]) -> None:
        self._statement = statement
        self._in_dialect: dict[str, Statement] = {}

    def all(self, session: Session, **parameters: Any) -> list[Any]:
        """Every row that it brings."""
        connection = _connection(session)
        return self._for(connection).ask(connection, parameters)

    def first(self, session: Session, **parameters: Any) -> Any | None:
        """The first row that it brings, or None."""
        found = self.all(session, **parameters)
        return found[0] if found else None

    def write(self, session: Session, rows: Sequence[Parameters]) -> list[Any]:
        """Run once with each set of parameters, all of the same names; the rows of RETURNING, in no given order."""
        if not rows:
            return []
        connection = _connection(session)
        return self._for(connection).write(connection, rows)

    def _for(self, connection: Connection) -> Statement:
        name = connection.dialect.name
        found = self._in_dialect.get(name)
        if found is None:
            statement = self._statement if isinstance(self._statement, Executable) else self._statement(name)
            found = self._in_dialect[name] = _WAYS.get(name, Statement)(statement)
        return found


class Entities(Generic[Entity]):
    """A SELECT of one class's objects, of which `in_(bindparam(…, expanding=True))` takes sequences of any length.

    SQLAlchemy writes another statement for each length; PostgreSQL would prepare them all, on every connection.
    """

    def __init__(self, statement: Select[Entity]) -> None:
        self._statement = statement
        self._with_arrays = lists_as_arrays(statement)

    def all(self, session: Session, **parameters: Any) -> list[Entity]:
        """Every object that it brings. Raises what SQLAlchemy raises."""
        on_postgres = session.get_bind().dialect.name == "postgresql"
        return list(session.scalars(self._with_arrays if on_postgres else self._statement, parameters))


def insert_in(dialect: str, table: Table) -> Any:
    """An INSERT that can say what happens where the row is there already."""
    # Loaded where it is used: PostgreSQL's takes a twentieth of a start.
    return import_module(f"sqlalchemy.dialects.{dialect}").insert(table)


def add_in(dialect: str, table: Table, key: tuple[str, ...], counter: str) -> Any:
    """An INSERT; where a row of that `key` is there, its `counter` grows by the new one's."""
    new = insert_in(dialect, table)
    return new.on_conflict_do_update(index_elements=key, set_={counter: table.c[counter] + new.excluded[counter]})


@cache
def upserting(table: Table, key: tuple[str, ...], changed: tuple[str, ...] = ()) -> Prepared:
    """Insert rows; where one of that `key` is there, its `changed` columns take the new values, or it stays."""

    def in_dialect(name: str) -> Any:
        new = insert_in(name, table)
        if not changed:
            return new.on_conflict_do_nothing(index_elements=key)
        return new.on_conflict_do_update(index_elements=key, set_={column: new.excluded[column] for column in changed})

    return Prepared(in_dialect)


@cache
def adding(table: Table, key: tuple[str, ...], counter: str, returning: tuple[str, ...] = ()) -> Prepared:
    """`add_in` of rows. Brings back `returning`."""

    def in_dialect(name: str) -> Any:
        either = add_in(name, table, key, counter)
        return either.returning(*(table.c[column] for column in returning)) if returning else either

    return Prepared(in_dialect)


def note(
    session: Session, table: Table, key: str, new: Mapping[str, Any], told: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """What is `told` of each key, always in the same columns: a row that is there takes it, another begins as `new`."""
    if told:
        rows = [{key: one, **new, **known} for one, known in told]
        upserting(table, (key,), tuple(told[0][1])).write(session, rows)


def _connection(session: Session) -> Connection:
    """Whatever waits in the session is written first, as before any statement of a session.

    A unit of work's session is bound to its connection. To ask the session for it costs more than a statement, but a
    savepoint of the session is set no sooner than it is asked; and elsewhere nothing but the session knows that its
    transaction is over (on SQLite the driver does).
    """
    session.flush()
    bound = session.bind
    if isinstance(bound, Connection) and bound.dialect.name == "sqlite" and not session.in_nested_transaction():
        return bound
    return session.connection()
