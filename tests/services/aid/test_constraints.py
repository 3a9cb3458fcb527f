"""What the database itself refuses, whoever asks it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.aid.main import AID
from shared.work import Desk, Work
from tests.services.psychosocial.hearing import desk_of

LINE = "VALUES (:id, 'TNJ', 'soap', 1, 'received', 'x', '2026-11-03', 0, 0)"
COLUMNS = "(entry_id, store, item, change, kind, ref_id, on_date, occurred_at, recorded_at)"


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Aid's desk, with one store that has seven pieces of soap and two lines in its ledger."""
    async with desk_of(AID, tmp_path) as one:
        await sql(one, "INSERT INTO stores VALUES ('TNJ', 'shelter', 'x', 'kemensos', '21.72', 'Asia/Jakarta')")
        await sql(one, "INSERT INTO stock VALUES ('TNJ', 'soap', 7, 20, 0)")
        for entry_id in ("a", "b"):
            await sql(one, f"INSERT INTO ledger {COLUMNS} {LINE}", id=entry_id)
        yield one


async def sql(desk: Desk, statement: str, **values: object) -> None:
    def run(work: Work) -> None:
        work.session.execute(text(statement), values)

    await desk.write(run)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET change = 5 WHERE entry_id = 'a'",
        "DELETE FROM ledger WHERE entry_id = 'a'",
        "DELETE FROM ledger",
        f"INSERT OR REPLACE INTO ledger {COLUMNS} {LINE.replace(':id', repr('a'))}",
        f"INSERT OR REPLACE INTO ledger (position, {COLUMNS[1:]} {LINE.replace('(:id', '(1, ' + repr('c'))}",
    ],
)
async def test_the_ledger_is_only_ever_appended_to(desk: Desk, statement: str) -> None:
    with pytest.raises(IntegrityError):
        await sql(desk, statement)
    rows = await desk.read(lambda session: session.execute(text("SELECT entry_id, change FROM ledger")).all())
    assert sorted(map(tuple, rows)) == [("a", 1), ("b", 1)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stock SET quantity = quantity - 8",
        "INSERT INTO stock VALUES ('TNJ', 'blanket', -1, 20, 0)",
        f"INSERT INTO ledger {COLUMNS} {LINE.replace(':id', repr('c')).replace(' 1,', ' 0,')}",
        "INSERT INTO stock VALUES ('NOWHERE', 'soap', 1, 20, 0)",
    ],
)
async def test_stock_never_goes_below_zero_and_lines_change_something(desk: Desk, statement: str) -> None:
    with pytest.raises(IntegrityError):
        await sql(desk, statement)
    assert await desk.read(lambda session: session.execute(text("SELECT quantity FROM stock")).all()) == [(7,)]
