"""How PostgreSQL is asked: by key whatever it knows of its tables, and in as few trips as it takes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, select, text, true
from sqlalchemy.orm import Session

from shared.database.bulk import heap_of, one_by_one
from shared.database.postgres import PostgresDatabase
from shared.database.prepared import Prepared
from tests.contract.unit_of_work.backends import Postgres

SEEN = Table(
    "seen",
    MetaData(),
    Column("reader", String(20), primary_key=True),
    Column("name", String(20), primary_key=True),
    Column("version", Integer, nullable=False),
)
NEW = Prepared(insert(SEEN))
HEAP = heap_of({"of_name": SEEN.c.name.type})
THEIRS = select(SEEN.c.name, SEEN.c.version).where(
    SEEN.c.reader == bindparam("of_reader"), SEEN.c.name == HEAP.c.of_name
)
MARK = one_by_one(THEIRS, "mark")
BY_KEY = Prepared(select(MARK.c.name, MARK.c.version).join_from(HEAP, MARK, true()))


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[PostgresDatabase]:
    backend = Postgres(tmp_path)
    one = await backend.open()
    assert isinstance(one, PostgresDatabase)
    await one.write(lambda session: SEEN.create(session.connection()))
    yield one
    await backend.close()


def touched(session: Session, table: str) -> int:
    """Rows of it that this transaction has looked at."""
    looked = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = :table")
    return int(session.execute(looked, {"table": table}).scalar_one())


async def test_what_is_looked_up_one_by_one_is_looked_up_by_its_whole_key(database: PostgresDatabase) -> None:
    """A plan is made while the table is empty, and kept."""

    def ask(session: Session) -> tuple[int, int]:
        session.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        BY_KEY.all(session, of_reader="a", of_name=["name 7"])
        NEW.write(session, [{"reader": "a", "name": f"name {n}", "version": n} for n in range(500)])
        before = touched(session, "seen")
        found = BY_KEY.all(session, of_reader="a", of_name=[f"name {n}" for n in range(20)])
        return len(found), touched(session, "seen") - before

    found, looked_at = await database.write(ask)
    assert found == 20
    assert looked_at <= 2 * 20


async def test_arrays_are_asked_for_once_and_not_on_every_connection(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    ask: Any = asyncpg.Connection._introspect_types

    async def counted(*words: Any) -> Any:
        nonlocal asked
        asked += 1
        return await ask(*words)

    monkeypatch.setattr(asyncpg.Connection, "_introspect_types", counted)
    await database.write(lambda session: NEW.write(session, [{"reader": "a", "name": "x", "version": 1}]))
    every = [{"reader": "b", "name": f"name {n}", "version": n} for n in range(20)]
    await database.write(lambda session: NEW.write(session, every))
    await database.read(lambda session: BY_KEY.all(session, of_reader="b", of_name=["name 1"]))
    await database.study(lambda session: BY_KEY.all(session, of_reader="b", of_name=["name 1"]))
    assert asked <= 1


async def test_a_glance_is_no_transaction(database: PostgresDatabase) -> None:
    """Its questions see different moments, those of a read the same one."""
    moment = text("SELECT now()")

    def moments(session: Session) -> int:
        return len({session.execute(moment).scalar_one() for _ in range(2)})

    assert await database.glance(moments) == 2
    assert await database.read(moments) == 1
