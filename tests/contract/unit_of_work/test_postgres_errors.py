"""PostgreSQL's errors: told for what they are, and without the values that they would quote."""

import contextlib
import traceback
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from shared.database import Database, DatabaseUnavailable
from shared.database.postgres import TRIES
from shared.database.protocol import is_outage
from tests.contract.unit_of_work.backends import Postgres
from tests.contract.unit_of_work.tables import Note, how_many, names, note

SECRET = "Contoh Nama"

pytestmark = pytest.mark.parametrize("backend", [Postgres], ids=["Postgres"], indirect=True)

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'so it is' USING ERRCODE = '{}'; END $$"


@pytest.mark.parametrize(
    ("state", "expected", "outage"),
    [
        *((state, TRIES, True) for state in ("40001", "40P01")),  # told as what passes
        *((state, 2, False) for state in ("23505", "23P01")),  # the row that the second run meets was there to see
        *((state, 1, True) for state in ("08006", "53100", "53200", "53300", "55P03", "57014", "57P01", "58030")),
        *((state, 1, False) for state in ("22001", "23503", "23514", "42P01", "P0001")),
    ],
)
@pytest.mark.parametrize("in_savepoint", [False, True])
async def test_each_error_is_told_for_what_it_is(
    database: Database, state: str, expected: int, outage: bool, in_savepoint: bool
) -> None:
    runs = 0

    def fail(session: Session) -> None:
        nonlocal runs
        runs += 1
        note(session, "before")
        with session.begin_nested() if in_savepoint else contextlib.nullcontext():
            session.execute(text(RAISE.format(state)))

    with pytest.raises((DatabaseUnavailable, DBAPIError)) as told:
        await database.write(fail)

    assert (runs, is_outage(told.value), isinstance(told.value, DatabaseUnavailable)) == (expected, outage, outage)
    await database.write(partial(note, name="afterwards"))
    assert await database.read(names) == ["afterwards"]


async def test_a_conflict_may_pass(database: Database) -> None:
    runs = 0

    def fail_at_first(session: Session) -> str:
        nonlocal runs
        runs += 1
        if runs < TRIES:
            session.execute(text(RAISE.format("40001")))
        return note(session, "passed")

    assert await database.write(fail_at_first) == "passed"


OVERTAKEN = "DO $$ BEGIN RAISE unique_violation USING DETAIL = 'Key (name)=({}) already exists.'; END $$"


@pytest.mark.parametrize("others", [1, TRIES - 1])
async def test_each_run_may_find_that_another_was_first_with_another_row(database: Database, others: int) -> None:
    runs = 0

    def come_too_late(session: Session) -> str:
        nonlocal runs
        runs += 1
        if runs <= others:
            session.execute(text(OVERTAKEN.format(runs)))
        return note(session, "passed")

    assert await database.write(come_too_late) == "passed"
    assert runs == others + 1


async def test_whoever_always_comes_too_late_is_told_to_come_again(database: Database) -> None:
    runs = 0

    def come_too_late(session: Session) -> None:
        nonlocal runs
        runs += 1
        session.execute(text(OVERTAKEN.format(runs)))

    with pytest.raises(DatabaseUnavailable, match="others were in the way"):
        await database.write(come_too_late)
    assert runs == TRIES


FAULTS: dict[str, Callable[[Session], object]] = {
    "twice": lambda session: [note(session, SECRET), note(session, SECRET)],
    "in an object": lambda session: session.add_all([Note(name=SECRET), Note(name=SECRET)]),
    "not a number": lambda session: session.execute(text("SELECT CAST(CAST(:it AS text) AS integer)"), {"it": SECRET}),
    "not of the kind": lambda session: session.execute(insert(Note).values(name="x", filling=SECRET)),
    "nothing there": lambda session: session.execute(insert(Note).values(name=None, filling=SECRET.encode())),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_no_error_quotes_a_value_wherever_it_is_printed(
    database: Database, fault: Callable[[Session], object]
) -> None:
    with pytest.raises(DBAPIError) as told:
        await database.write(fault)

    printed = "".join(traceback.format_exception(told.value))
    raised = [line for line in printed.splitlines() if not line.startswith(" ")]  # the rest is source code
    assert raised
    for line in raised:
        assert SECRET not in line
        assert SECRET.encode().hex() not in line
        assert "DETAIL" not in line


async def test_what_failed_and_went_on_is_not_acknowledged(database: Database) -> None:
    """PostgreSQL answers such a COMMIT with ROLLBACK, and no error."""

    def go_on_regardless(session: Session) -> str:
        note(session, "before")
        with contextlib.suppress(DBAPIError):
            session.execute(text("SELECT 1 / 0"))
        return "done"

    with pytest.raises(DBAPIError, match="nothing was committed"):
        await database.write(go_on_regardless)
    assert await database.read(how_many) == 0
