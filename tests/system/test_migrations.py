"""Migrations, on both databases: they end in what the models say, and a database that holds a season goes along."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, Table, create_engine, insert, inspect, select, text

from pulang.services import SERVICES
from shared.consuming.projection import Projection
from shared.consuming.rebuild import OUTDATED
from shared.migrating import apply, upgrade
from shared.outbox.table import SPINE
from shared.service import Definition
from tests.real.postgres import drop_database, make_database, the_server
from tests.stores import in_a_thread
from tests.system.command import pulang
from tests.system.seasons import weeks

LATER: dict[str, list[tuple[str, str | None]]] = {"intake": [("approvals", None), ("cases", "stay_id")]}
"""Tables and columns of a later revision that a season fills: an older one had nothing to put there."""
Result = Any
Place = Callable[[Callable[[Connection], Result]], Result]
"""A database: runs a function in a transaction."""


def definition(service: str) -> Definition:
    found: Definition = getattr(importlib.import_module(f"services.{service}.main"), service.upper())
    return found


def tables_of(one: Definition) -> list[Table]:
    return [*SPINE.sorted_tables, *one.metadata.sorted_tables]


def on_file(path: Path, work: Callable[[Connection], Result]) -> Result:
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        return work(connection)


def on_server(url: str, work: Callable[[Connection], Result]) -> Result:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    from shared.database.postgres import driver_url

    async def run() -> Result:
        engine = create_async_engine(driver_url(url), poolclass=NullPool)
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    return in_a_thread(run)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty database."""
    if request.param == "sqlite":
        yield partial(on_file, tmp_path / "empty.db")
        return
    server = the_server()
    in_a_thread(lambda: make_database(server, "migrated"))
    yield partial(on_server, server.url("migrated"))
    in_a_thread(lambda: drop_database(server, "migrated"))


@pytest.fixture(scope="module")
def season(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a Pulang that played the first weeks."""
    folder = tmp_path_factory.mktemp("season")
    said = pulang("demo", weeks(folder / "weeks", 3, every=2), "--data", folder / "data", "--port", 0, "--exit")
    assert said.status == 0, said.err
    return folder / "data"


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_end_in_what_the_models_say(place: Place, service: str) -> None:
    one = definition(service)

    def differences(connection: Connection) -> list[Any]:
        apply(connection, one.migrations)
        return compare_metadata(MigrationContext.configure(connection), [SPINE, one.metadata])  # type: ignore[arg-type]

    assert place(differences) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_database_that_holds_a_season_goes_along(place: Place, season: Path, service: str) -> None:
    """Every revision that ever was: the rows as they were under it, brought to now.

    But for a projection's: where their tables change, it is marked, and built again from the bus at the next start.
    """
    one = definition(service)
    pictures = {table.name for table in pictures_of(one)}
    now: dict[str, list[Any]] = on_file(season / f"{service}.db", partial(rows_of, tables_of(one)))
    assert sum(len(rows) for rows in now.values()) > 100

    def from_the_first(connection: Connection) -> dict[str, list[Any]]:
        upgrade(connection, one.migrations, "0001")
        put_as_it_was(connection, [table for table in tables_of(one) if table.name not in pictures], now)
        assert apply(connection, one.migrations)
        assert not apply(connection, one.migrations)
        return rows_of(tables_of(one), connection)

    found = place(from_the_first)
    if pictures:
        assert {row["ended"] for row in found["projections"]} == {OUTDATED}
    for name, column in LATER.get(service, ()):
        assert [row for row in found[name] if column is None or row[column] is not None] == []
    for rows in (found, now):
        for name, column in LATER.get(service, ()):
            rows[name] = [] if column is None else [row | {column: None} for row in rows[name]]
        for name in ("projections", "audit_heads", *pictures):  # the rows of those come with their first use
            rows.pop(name, None)
    assert {name: sorted(rows, key=repr) for name, rows in found.items()} == {
        name: sorted(rows, key=repr) for name, rows in now.items()
    }


def pictures_of(one: Definition) -> list[Table]:
    return [table for consumer in one.consumers if isinstance(consumer, Projection) for table in consumer.tables]


def rows_of(tables: Sequence[Table], connection: Connection) -> dict[str, list[Any]]:
    return {table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in tables}


def put_as_it_was(connection: Connection, tables: Sequence[Table], rows: dict[str, list[Any]]) -> None:
    """Into the tables and columns that there were then."""
    then = inspect(connection)
    there = set(then.get_table_names())
    waiting = {row["position"] for row in rows["unpublished"]}
    for table in tables:
        if table.name not in there or not rows[table.name]:
            continue
        columns = {column["name"] for column in then.get_columns(table.name)}
        old = Table(table.name, MetaData(), *(Column(c.name, c.type) for c in table.c if c.name in columns))
        kept = [{name: value for name, value in row.items() if name in columns} for row in rows[table.name]]
        connection.execute(insert(old), kept)
        if "published" in columns:
            marked = [{"at": row["position"]} for row in kept if row["position"] not in waiting]
            connection.execute(text("UPDATE events SET published = true WHERE position = :at"), marked)
