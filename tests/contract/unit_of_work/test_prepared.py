"""A prepared statement does what SQLAlchemy would do with it, on any session."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import Table, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.database import Database, DatabaseUnavailable
from shared.database.prepared import Prepared, upserting
from tests.contract.unit_of_work.backends import Backend, Feature
from tests.contract.unit_of_work.tables import Note, Visit, names

VISITS = Visit.__table__
assert isinstance(VISITS, Table)
NEW = Prepared(insert(VISITS))
EVERY = Prepared(select(VISITS).order_by(VISITS.c.name))
NAMED = Prepared(
    select(VISITS.c.name).where(VISITS.c.name.in_(bindparam("of_names", expanding=True)), VISITS.c.open.is_(True))
)
CLOSE = Prepared(update(VISITS).where(VISITS.c.name == bindparam("of_name")).values(open=False))
TAKE = Prepared(delete(VISITS).where(VISITS.c.open == bindparam("that_are")).returning(VISITS.c.name, VISITS.c.codes))


def visit(name: str, **told: Any) -> dict[str, Any]:
    return {"name": name, "at": None, "on": None, "codes": [], "open": True, "proof": None} | told


async def write(database: Database, statement: Prepared, *rows: dict[str, Any]) -> list[Any]:
    return await database.write(lambda session: statement.write(session, rows))


async def test_values_come_back_as_they_went_in(database: Database) -> None:
    noon = datetime(2020, 11, 3, 12, 0, 0, 123456, timezone(timedelta(hours=7)))
    rows = [
        visit("a", at=noon, on=date(2020, 11, 3), codes=["forced_labour", "é\x00"], open=False, proof=b"\x00\xff"),
        visit("b"),
    ]
    await write(database, NEW, *rows)

    for told in (await database.read(EVERY.all), await database.write(EVERY.all), await database.study(EVERY.all)):
        assert [row._asdict() for row in told] == rows
        assert told[0].at.tzinfo is UTC
    assert await database.read(lambda session: session.execute(select(VISITS).order_by(VISITS.c.name)).all()) == [
        tuple(row.values()) for row in rows
    ]


async def test_a_naive_time_is_refused_like_everywhere(database: Database) -> None:
    with pytest.raises(Exception, match="a time needs a zone"):
        await write(database, NEW, visit("a", at=datetime(2020, 11, 3)))  # noqa: DTZ001

    assert await database.read(EVERY.all) == []


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 5, 63, 64, 65, 300])
async def test_a_list_may_have_any_length(database: Database, number: int) -> None:
    await write(database, NEW, *(visit(f"{n:03}") for n in range(301)), visit("shut", open=False))

    asked = [f"{n:03}" for n in range(number)]
    for wanted in (asked, [*asked, "nobody", "shut"], asked * 2):
        rows = await database.read(lambda session, wanted=wanted: NAMED.all(session, of_names=wanted))  # type: ignore[misc]
        assert sorted(row.name for row in rows) == asked


async def test_the_first_row_or_none(database: Database) -> None:
    await write(database, NEW, visit("a"))

    one = await database.read(lambda session: NAMED.first(session, of_names=["a"]))
    assert one is not None
    assert one.name == "a"
    assert await database.read(lambda session: NAMED.first(session, of_names=["b"])) is None


async def test_each_set_of_parameters_is_run_and_no_set_runs_nothing(database: Database) -> None:
    await write(database, NEW, visit("a"), visit("b"), visit("c", codes=["x"]))

    assert await write(database, CLOSE, {"of_name": "a"}, {"of_name": "c"}) == []
    assert await write(database, CLOSE) == []
    assert [row.open for row in await database.read(EVERY.all)] == [False, True, False]

    gone = await write(database, TAKE, {"that_are": False}, {"that_are": True})
    assert sorted((row.name, tuple(row.codes)) for row in gone) == [("a", ()), ("b", ()), ("c", ("x",))]


async def test_an_upsert_changes_what_it_names_and_nothing_else(database: Database) -> None:
    table = VISITS
    assert isinstance(table, Table)
    await write(database, NEW, visit("a", codes=["first"]))

    await write(database, upserting(table, ("name",), ("open",)), visit("a", codes=["second"], open=False))
    await write(database, upserting(table, ("name",)), visit("a", codes=["third"], open=True), visit("b"))

    rows = await database.read(EVERY.all)
    assert [(row.name, row.codes, row.open) for row in rows] == [("a", ["first"], False), ("b", [], True)]


async def test_of_many_rows_the_last_of_a_key_holds(database: Database) -> None:
    """As if each were written by itself, where the server gets them all at once."""
    many = [visit(f"{number % 10}", codes=[f"{number}"], open=number % 3 == 0) for number in range(40)]
    await write(database, upserting(VISITS, ("name",), ("codes", "open")), *many)
    assert [(row.name, row.codes, row.open) for row in await database.read(EVERY.all)] == [
        (row["name"], row["codes"], row["open"]) for row in many[-10:]
    ]

    renamed = Prepared(update(VISITS).where(VISITS.c.name == bindparam("of_name")).values(proof=bindparam("to_proof")))
    await write(database, renamed, *({"of_name": f"{n % 10}", "to_proof": bytes([n])} for n in range(30)))
    assert [row.proof for row in await database.read(EVERY.all)] == [bytes([n]) for n in range(20, 30)]


async def test_many_rows_are_numbered_as_they_came(database: Database) -> None:
    notes = Note.__table__
    assert isinstance(notes, Table)
    await write(database, Prepared(insert(notes)), *({"name": f"{n * 7 % 100}"} for n in range(100)))

    assert await database.read(names) == [f"{n * 7 % 100}" for n in range(100)]


async def test_what_waits_in_the_session_is_written_first(database: Database) -> None:
    def add_and_ask(session: Session) -> list[Any]:
        session.add(Visit(name="a", codes=[]))
        return EVERY.all(session)

    assert [row.name for row in await database.write(add_and_ask)] == ["a"]


async def test_a_refusal_is_the_databases_own_and_can_be_survived(database: Database) -> None:
    def twice(session: Session) -> None:
        session.add(Note(name="before"))
        session.flush()
        with pytest.raises(IntegrityError) as refused, session.begin_nested():
            NEW.write(session, [visit("Contoh Nama"), visit("Contoh Nama")])
        assert "Contoh" not in str(refused.value)
        NEW.write(session, [visit("after")])

    await database.write(twice)

    assert [row.name for row in await database.read(EVERY.all)] == ["after"]
    assert await database.read(names) == ["before"]


async def test_it_does_not_outlive_its_transaction(database: Database, backend: Backend) -> None:
    backend.require(Feature.LOSES_TRANSACTIONS)

    def go_on_regardless(session: Session) -> None:
        session.connection().exec_driver_sql("ROLLBACK")
        NEW.write(session, [visit("a")])

    with pytest.raises(DatabaseUnavailable):
        await database.write(go_on_regardless)
    assert await database.read(EVERY.all) == []


async def test_a_reader_writes_nothing_with_it(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.read(lambda session: NEW.write(session, [visit("a")]))


async def test_a_column_with_a_default_must_be_given(database: Database) -> None:
    """The short way computes no default: a row that leaves one out must not come in as NULL."""
    row = {name: value for name, value in visit("a").items() if name != "open"}

    with pytest.raises(TypeError, match="open"):
        await write(database, NEW, row)


async def test_a_parameter_that_is_missing_is_no_null(database: Database) -> None:
    await write(database, NEW, visit("a"))

    with pytest.raises(Exception, match="of_name"):
        await write(database, CLOSE, {})
    with pytest.raises(Exception, match="proof"):
        await write(database, NEW, visit("b"), {k: v for k, v in visit("c").items() if k != "proof"})
    assert [row.name for row in await database.read(EVERY.all)] == ["a"]
