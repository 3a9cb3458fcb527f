"""What a prepared statement makes of values and lists: the same as SQLAlchemy, however it gets there."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError
from sqlalchemy.orm import Session

from shared.database import Database, DatabaseUnavailable
from shared.database.prepared import Prepared, upserting
from shared.database.statements import LONGEST_PADDED
from tests.contract.unit_of_work.tables import Note, note
from tests.contract.unit_of_work.test_prepared import EVERY, NEW, VISITS, visit, write

COLUMNS = VISITS.c
SHUT = Prepared(update(VISITS).where(COLUMNS.name.in_(bindparam("of", expanding=True))).values(open=False))


async def visits(database: Database, number: int) -> None:
    await write(database, NEW, *(visit(f"{n}") for n in range(number)))


async def shut(database: Database) -> list[str]:
    return [row.name for row in await database.read(EVERY.all) if not row.open]


async def test_a_list_that_keeps_out(database: Database) -> None:
    await visits(database, 7)
    others = Prepared(select(COLUMNS.name).where(COLUMNS.name.not_in(bindparam("no", expanding=True))))

    rows = await database.read(lambda session: others.all(session, no=["0", "1", "2"]))
    assert sorted(row.name for row in rows) == ["3", "4", "5", "6"]


async def test_what_stands_in_a_list_is_converted(database: Database) -> None:
    days = [date(2020, 1, day) for day in range(1, 6)]
    times = [datetime(2020, 1, day, tzinfo=UTC) for day in range(1, 6)]
    await write(database, NEW, *(visit(str(n), on=days[n], at=times[n]) for n in range(5)))
    both = Prepared(
        select(COLUMNS.name).where(
            COLUMNS.on.in_(bindparam("days", expanding=True)), COLUMNS.at.in_(bindparam("times", expanding=True))
        )
    )

    rows = await database.read(lambda session: both.all(session, days=days[:3], times=times[1:]))
    assert sorted(row.name for row in rows) == ["1", "2"]


async def test_a_list_of_the_statement_beside_one_that_is_given(database: Database) -> None:
    await visits(database, 4)
    both = Prepared(
        select(COLUMNS.name).where(COLUMNS.name.in_(["1", "2", "9"]), COLUMNS.name.in_(bindparam("of", expanding=True)))
    )

    rows = await database.read(lambda session: both.all(session, of=["1", "3", "2"]))
    assert sorted(row.name for row in rows) == ["1", "2"]


@pytest.mark.parametrize("lists", [[["0"], ["2", "3", "4"]], [["2", "3", "4"], ["0"]], [["0", "2"], [], ["3", "4"]]])
async def test_each_of_many_has_a_list_of_its_own_length(database: Database, lists: list[list[str]]) -> None:
    await visits(database, 6)

    await write(database, SHUT, *({"of": names} for names in lists))
    assert await shut(database) == ["0", "2", "3", "4"]


async def test_a_list_too_long_to_fill_up(database: Database) -> None:
    await visits(database, 3)

    await write(database, SHUT, {"of": [f"{n}" for n in range(1, LONGEST_PADDED + 100)]})
    assert await shut(database) == ["1", "2"]


async def test_equal_is_not_the_same(database: Database) -> None:
    await write(database, NEW, visit("a", codes=[1]), visit("b", codes=[True]), visit("c", codes=["1"]))

    assert repr([row.codes[0] for row in await database.read(EVERY.all)]) == "[1, True, '1']"


async def test_nothing_comes_first_in_a_column(database: Database) -> None:
    await write(database, NEW, visit("a", codes=None), visit("b", codes=None), visit("c", codes=["x"]))

    assert [row.codes for row in await database.read(EVERY.all)] == [None, None, ["x"]]


async def test_a_parameter_may_have_a_value_of_its_own(database: Database) -> None:
    await write(database, NEW, visit("a"), visit("b"))
    named = Prepared(select(COLUMNS.name).where(COLUMNS.name == bindparam("wanted", value="a")))

    assert [row.name for row in await database.read(named.all)] == ["a"]
    assert [row.name for row in await database.read(lambda session: named.all(session, wanted="b"))] == ["b"]


async def test_the_first_of_many(database: Database) -> None:
    await write(database, NEW, visit("b"), visit("a"))

    first = await database.read(EVERY.first)
    assert first is not None
    assert first.name == "a"


async def test_columns_of_one_name(database: Database) -> None:
    await write(database, NEW, visit("a"))
    other = VISITS.alias()

    (row,) = await database.read(Prepared(select(COLUMNS.name, other.c.name).where(COLUMNS.name == other.c.name)).all)
    assert tuple(row) == ("a", "a")


async def test_a_question_that_fails_fails_as_the_databases(database: Database) -> None:
    odd = Prepared(select(COLUMNS.name).limit(bindparam("at_most", type_=Integer)))

    def ask(session: Session) -> list[Any]:
        return odd.all(session, at_most="x")

    with pytest.raises((DBAPIError, DatabaseUnavailable)):
        await database.write(ask)


async def test_a_column_that_an_update_would_set_by_itself_must_be_given(database: Database) -> None:
    table = Table(
        "t", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, onupdate=7), Column("c", String)
    )
    change = Prepared(update(table).where(table.c.id == bindparam("of")).values(c=bindparam("to_c")))

    with pytest.raises(TypeError, match="n"):
        await write(database, change, {"of": 1, "to_c": "x"})


async def test_an_upsert_forgives_its_own_key_alone(database: Database) -> None:
    table = Note.__table__
    assert isinstance(table, Table)
    by_id = upserting(table, ("id",))
    await write(database, by_id, {"id": 1, "name": "a", "filling": None})

    with pytest.raises(IntegrityError):
        await write(database, by_id, {"id": 2, "name": "a", "filling": None})


async def test_half_of_a_unit_is_never_written(database: Database) -> None:
    """A flush that failed has ended the transaction: what comes after it must not begin another."""

    def go_on_regardless(session: Session) -> None:
        note(session, "first")
        session.add(Note(name="first"))
        with pytest.raises(IntegrityError):
            session.flush()
        NEW.write(session, [visit("second")])

    with pytest.raises((DatabaseUnavailable, PendingRollbackError)):
        await database.write(go_on_regardless)
    assert await database.read(EVERY.all) == []
