"""What the database itself refuses, whoever asks it."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import Executable, insert, text
from sqlalchemy.exc import IntegrityError

from services.aid.main import AID
from services.aid.models import Entry
from shared.database.models import table_of
from shared.work import Desk, Work
from tests.services.psychosocial.hearing import desk_of

pytestmark = pytest.mark.either_database

WHEN = datetime(2026, 11, 3, tzinfo=UTC)
COLUMNS = "position, entry_id, store, item, change, kind, ref_id, on_date, occurred_at, recorded_at"
AGAIN = (
    f"INTO ledger ({COLUMNS}) SELECT %s, store, item, 5, kind, ref_id, on_date, occurred_at, recorded_at FROM ledger"
)


ONE_AND_C = "1, 'c'"


def line(entry_id: str, change: int = 1) -> dict[str, Any]:
    return {
        "entry_id": entry_id,
        "store": "TNJ",
        "item": "soap",
        "change": change,
        "kind": "received",
        "ref_id": "x",
        "on_date": date(2026, 11, 3),
        "occurred_at": WHEN,
        "recorded_at": WHEN,
    }


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Aid's desk, with one store that has seven pieces of soap and two lines in its ledger."""
    async with desk_of(AID, tmp_path) as one:
        await sql(one, "INSERT INTO stores VALUES ('TNJ', 'shelter', 'x', 'kemensos', '21.72', 'Asia/Jakarta')")
        await sql(one, "INSERT INTO stock VALUES ('TNJ', 'soap', 7, 20, 0)")
        for entry_id in ("a", "b"):
            await run(one, insert(table_of(Entry)).values(line(entry_id)))
        yield one


async def run(desk: Desk, statement: Executable) -> None:
    def change(work: Work) -> None:
        work.session.execute(statement)

    await desk.write(change)


async def sql(desk: Desk, statement: str) -> None:
    await run(desk, text(statement))


def only_on(desk: Desk, *words: str) -> bool:
    """Some ways to overwrite a line are known to one of the databases alone."""
    on_sqlite = "sqlite" in type(desk.database).__name__.lower()
    return (on_sqlite and "TRUNCATE" in words) or (not on_sqlite and "REPLACE" in words)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET change = 5 WHERE entry_id = 'a'",
        "DELETE FROM ledger WHERE entry_id = 'a'",
        "DELETE FROM ledger",
        f"INSERT {AGAIN % '9, entry_id'} WHERE entry_id = 'a' ON CONFLICT (entry_id) DO UPDATE SET change = 5",
        f"INSERT OR REPLACE {AGAIN % '9, entry_id'} WHERE entry_id = 'a'",
        f"INSERT OR REPLACE {AGAIN % ONE_AND_C} WHERE entry_id = 'a'",
        "TRUNCATE ledger",
    ],
)
async def test_the_ledger_is_only_ever_appended_to(desk: Desk, statement: str) -> None:
    if only_on(desk, *statement.split()):
        pytest.skip("the other database's way to say it")
    with pytest.raises(IntegrityError):
        await sql(desk, statement)
    rows = await desk.read(lambda session: session.execute(text("SELECT entry_id, change FROM ledger")).all())
    assert sorted(map(tuple, rows)) == [("a", 1), ("b", 1)]


@pytest.mark.parametrize(
    "statement",
    [
        text("UPDATE stock SET quantity = quantity - 8"),
        text("INSERT INTO stock VALUES ('TNJ', 'blanket', -1, 20, 0)"),
        insert(table_of(Entry)).values(line("c", change=0)),
        text("INSERT INTO stock VALUES ('NOWHERE', 'soap', 1, 20, 0)"),
    ],
    ids=["below zero", "new and below zero", "changes nothing", "no such store"],
)
async def test_stock_never_goes_below_zero_and_lines_change_something(desk: Desk, statement: Executable) -> None:
    with pytest.raises(IntegrityError):
        await run(desk, statement)
    assert await desk.read(lambda session: session.execute(text("SELECT quantity FROM stock")).all()) == [(7,)]
