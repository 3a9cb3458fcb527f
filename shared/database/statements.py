"""How a prepared statement goes to a database: through SQLAlchemy, or straight to a driver."""

import contextlib
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ARRAY, BindParameter, Connection, Dialect, Executable, Insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler

from shared.database.bulk import FEWEST_ROWS, Bulk, in_bulk, lists_as_arrays
from shared.database.protocol import TransactionLost

LONGEST_PADDED = 4096
Convert = Callable[[Any], Any]
Parameters = Mapping[str, Any]


class Statement:
    """As SQLAlchemy runs it."""

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self.columns = list(cast(Any, statement).exported_columns)
        names = [column.key for column in self.columns]
        row: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]
        self.make_row = row._make
        parts = visitors.iterate(cast(Any, statement))
        self.lists = frozenset(part.key for part in parts if isinstance(part, BindParameter) and part.expanding)
        self._complete: set[tuple[str, ...]] = set()

    def ask(self, connection: Connection, parameters: Parameters) -> list[Any]:
        return [self.make_row(row) for row in connection.execute(self.statement, self._filled(parameters))]

    def write(self, connection: Connection, rows: Sequence[Parameters]) -> list[Any]:
        self._refuse_defaults(connection.dialect, tuple(rows[0]))
        if len(rows) > 1 and (self.lists or (self.columns and not isinstance(self.statement, Insert))):
            # SQLAlchemy runs an INSERT alone for many rows at once and brings back what it returns.
            return [row for one in rows for row in self.write(connection, [one])]
        result = connection.execute(self.statement, [self._filled(row) for row in rows])
        return [self.make_row(row) for row in result] if self.columns else []

    def _filled(self, parameters: Parameters) -> Parameters:
        """Every length of a list is another statement to PostgreSQL, which prepares a hundred and forgets the rest."""
        if not self.lists:
            return parameters
        lists = {name: list(values) for name, values in parameters.items() if name in self.lists}
        return {**parameters, **{name: _pad(values, _padded(len(values))) for name, values in lists.items()}}

    def _refuse_defaults(self, dialect: Dialect, names: tuple[str, ...]) -> None:
        """As the short way does, so that what is left out is found out on either."""
        if names not in self._complete:
            _no_defaults(cast(SQLCompiler, cast(Any, self.statement).compile(dialect=dialect, column_keys=list(names))))
            self._complete.add(names)


class OnDriver(Statement):
    """Compiled here, for a driver."""

    def __init__(self, statement: Executable) -> None:
        super().__init__(statement)
        self._forms: dict[tuple[Any, ...], _Form] = {}

    def _rows(self, form: "_Form", found: Iterable[Sequence[Any]]) -> list[Any]:
        if not form.results:
            return [self.make_row(row) for row in found]
        rows = []
        for row in found:
            values = list(row)
            for place, convert in form.results:
                values[place] = convert(values[place])
            rows.append(self.make_row(values))
        return rows

    def _form(self, dialect: Dialect, parameters: Parameters) -> "_Form":
        shape = (*parameters, *(_padded(len(parameters[name])) for name in self.lists if name in parameters))
        form = self._forms.get(shape)
        if form is None:
            form = self._forms[shape] = self._compile(dialect, parameters)
        return form

    def _compile(self, dialect: Dialect, parameters: Parameters) -> "_Form":
        compiled = cast(SQLCompiler, cast(Any, self.statement).compile(dialect=dialect, column_keys=list(parameters)))
        _no_defaults(compiled)
        binds = compiled.binds
        fixed = {n: b.effective_value for n, b in binds.items() if n not in parameters and not b.required}
        state = compiled.construct_expanded_state(fixed | dict(self._filled(parameters)))
        whole = {part: name for name, parts in state.parameter_expansion.items() for part in parts}
        slots = [(part, _incoming(binds[whole.get(part, part)], dialect)) for part in state.positiontup or ()]
        results = [
            (place, convert)
            for place, column in enumerate(self.columns)
            if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
        ]
        return _Form(state.statement, slots, state.parameter_expansion, fixed, results)


class OnSqlite(OnDriver):
    """Straight to the driver."""

    def ask(self, connection: Connection, parameters: Parameters) -> list[Any]:
        form = self._form(connection.dialect, parameters)
        try:
            found = _driver(connection).execute(form.sql, form.bind(parameters)).fetchall()
        except sqlite3.Error as error:
            raise _told(error, form.sql) from error
        return self._rows(form, found)

    def write(self, connection: Connection, rows: Sequence[Parameters]) -> list[Any]:
        if self.lists and len(rows) > 1:  # each has its own lengths
            return [row for one in rows for row in self.write(connection, [one])]
        form = self._form(connection.dialect, rows[0])
        raw = _driver(connection)
        try:
            if self.columns:
                return self._rows(form, [row for one in rows for row in raw.execute(form.sql, form.bind(one))])
            if len(rows) == 1:
                raw.execute(form.sql, form.bind(rows[0]))
            else:
                raw.executemany(form.sql, form.bind_all(rows))
        except sqlite3.Error as error:
            raise _told(error, form.sql) from error
        return []


class OnPostgres(OnDriver):
    """Straight to SQLAlchemy's asyncpg cursor, which keeps the prepared statements and begins the transaction."""

    def __init__(self, statement: Executable) -> None:
        super().__init__(lists_as_arrays(statement))
        self._bulks: dict[tuple[str, ...], tuple[Bulk, OnPostgres] | None] = {}

    def ask(self, connection: Connection, parameters: Parameters) -> list[Any]:
        form = self._form(connection.dialect, parameters)
        with _cursor(connection, form.sql) as cursor:
            cursor.execute(form.sql, form.bind(parameters))
            return self._rows(form, cursor.fetchall())

    def write(self, connection: Connection, rows: Sequence[Parameters]) -> list[Any]:
        if len(rows) >= FEWEST_ROWS and (bulk := self._in_bulk(connection, rows)) is not None:
            return bulk.write(connection, [Bulk.columns(rows)])
        if len(rows) > 1 and (self.lists or self.columns):
            return super().write(connection, rows)
        form = self._form(connection.dialect, rows[0])
        with _cursor(connection, form.sql) as cursor:
            if len(rows) > 1:
                cursor.executemany(form.sql, list(form.bind_all(rows)))
                return []
            cursor.execute(form.sql, form.bind(rows[0]))
            return self._rows(form, cursor.fetchall()) if self.columns else []

    def _in_bulk(self, connection: Connection, rows: Sequence[Parameters]) -> "OnPostgres | None":
        names = tuple(rows[0])
        if names not in self._bulks:
            self._refuse_defaults(connection.dialect, names)
            found = in_bulk(self.statement, names)
            self._bulks[names] = None if found is None else (found, OnPostgres(found.statement))
        made = self._bulks[names]
        return made[1] if made is not None and made[0].takes(rows) else None


@contextlib.contextmanager
def _cursor(connection: Connection, sql: str) -> Iterator[Any]:
    """What the driver raises is told as SQLAlchemy tells it: listeners judge it, a connection that is gone goes, and so
    does one that did not answer in time (TimeoutError, an OSError, is none of the driver's own)."""
    driver = connection.connection
    cursor = driver.cursor()
    try:
        yield cursor
    except (cast(Any, driver.dbapi_connection).dbapi.Error, OSError) as error:
        connection._handle_dbapi_exception(error, sql, None, cursor, None)
        raise
    finally:
        cursor.close()


@dataclass(frozen=True, slots=True)
class _Form:
    """The statement compiled for one set of parameter names and one length of each list.

    `slots`: for each question mark of the SQL whose value goes there, and converted how; `results`: which columns of a
    row are converted.
    """

    sql: str
    slots: Sequence[tuple[str, Convert | None]]
    expansions: Mapping[str, Sequence[str]]
    fixed: Parameters
    results: Sequence[tuple[int, Convert]]

    def bind(self, parameters: Parameters) -> list[Any]:
        values: Any = parameters
        if self.fixed or self.expansions:
            values = {**self.fixed, **parameters}
            for name, parts in self.expansions.items():
                values.update(zip(parts, _pad(list(values[name]), len(parts)), strict=True))
        return [values[name] if convert is None else convert(values[name]) for name, convert in self.slots]

    def bind_all(self, rows: Sequence[Parameters]) -> Iterable[Sequence[Any]]:
        """Column by column: what is the same all the way down (a time of recording, a flag) is converted once."""
        if self.fixed or self.expansions or not self.slots:
            return [self.bind(row) for row in rows]
        columns = ([row[name] for row in rows] for name, _ in self.slots)
        converted = (
            column if convert is None else _converted(column, convert)
            for column, (_, convert) in zip(columns, self.slots, strict=True)
        )
        return zip(*converted, strict=True)


def _driver(connection: Connection) -> sqlite3.Connection:
    raw = cast(sqlite3.Connection, connection.connection.dbapi_connection)
    if not raw.in_transaction:
        raise TransactionLost("the transaction was lost")
    return raw


def _told(error: sqlite3.Error, sql: str) -> BaseException:
    return DBAPIError.instance(sql, None, error, sqlite3.Error, hide_parameters=True)


def _no_defaults(compiled: SQLCompiler) -> None:
    if missing := [column.key for column in (*compiled.insert_prefetch, *compiled.update_prefetch)]:
        raise TypeError(f"columns with a default must be given: {missing}")


def _incoming(bind: BindParameter[Any], dialect: Dialect) -> Convert | None:
    if isinstance(bind.type, ARRAY):
        inner: Convert | None = bind.type.item_type.dialect_impl(dialect).bind_processor(dialect)
        return list if inner is None else lambda values: _converted(values, inner)
    convert: Convert | None = bind.type.dialect_impl(dialect).bind_processor(dialect)
    return convert


def _converted(column: Iterable[Any], convert: Convert) -> list[Any]:
    done, last, ready = [], _NOTHING, None
    for value in column:
        if value is not last:
            last, ready = value, convert(value)
        done.append(ready)
    return done


_NOTHING = object()


def _padded(length: int) -> int:
    """The next power of two: a list of any length needs a dozen forms, not a thousand. Long ones are rare, and near a
    database's limit."""
    return 1 << (length - 1).bit_length() if 0 < length <= LONGEST_PADDED else length


def _pad(values: list[Any], length: int) -> list[Any]:
    """Filled up with the last one again, which changes nothing in a set."""
    return values + values[-1:] * (length - len(values))
