"""On one night a bed has one person, and a person one bed: the database's own word, whoever writes.

Every database that shelter runs on must pass this file: a backend is an entry in `BACKENDS`.
"""

import asyncio
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine

from services.shelter.main import SHELTER
from services.shelter.models import Bed, Facility, Room, Segment, Stay
from shared.database import SqliteDatabase
from shared.database.models import table_of
from shared.migrating import migrate, migrate_server
from tests.real.postgres import make_database, the_server

OPEN = None
STAYS = 12
SEGMENTS = table_of(Segment)

Story = Callable[[Connection], None]


class House(Protocol):
    """A migrated database with two beds and a dozen stays of as many people."""

    def play(self, story: Story) -> None:
        """In a transaction that is rolled back."""


class OnSqlite:
    """Triggers say it."""

    def __init__(self, folder: Path) -> None:
        self.engine = SqliteDatabase(folder / "shelter.db").engine
        migrate(self.engine, SHELTER.migrations)
        with self.engine.begin() as connection:
            furnish(connection)

    def play(self, story: Story) -> None:
        with self.engine.connect() as connection:
            story(connection)
            connection.rollback()

    def close(self) -> None:
        self.engine.dispose()


class OnPostgres:
    """Exclusion constraints say it."""

    def __init__(self, folder: Path) -> None:
        url = the_server().url(folder.name)
        self._engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
        self._loop = asyncio.Runner(loop_factory=asyncio.new_event_loop)

        async def build() -> None:
            await make_database(the_server(), folder.name)
            await migrate_server(url, SHELTER.migrations)
            async with self._engine.begin() as connection:
                await connection.run_sync(furnish)

        self._loop.run(build())

    def play(self, story: Story) -> None:
        async def run() -> None:
            async with self._engine.connect() as connection:
                await connection.run_sync(story)
                await connection.rollback()

        self._loop.run(run())

    def close(self) -> None:
        self._loop.run(self._engine.dispose())
        self._loop.close()


BACKENDS: dict[str, Callable[[Path], OnSqlite | OnPostgres]] = {"sqlite": OnSqlite, "postgres": OnPostgres}


@pytest.fixture(scope="module", params=sorted(BACKENDS))
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = BACKENDS[request.param](tmp_path_factory.mktemp("shelter"))
    yield house
    house.close()


def furnish(connection: Connection) -> None:
    place = {"code": "A", "name": "A", "agency": "k", "regency": "21.72", "time_zone": "Asia/Jakarta", "version": 1}
    room = {"room_id": "r", "facility": "A", "name": "M1", "room_type": "male", "position": 0}
    beds = [{"bed_id": f"bed{n}", "room_id": "r", "facility": "A", "number": n} for n in (1, 2)]
    first = date(2020, 1, 1)
    stays = [
        {"stay_id": f"s{n}", "case_id": f"c{n}", "facility": "A", "status": "checked_in", "from_date": first}
        for n in range(STAYS)
    ]
    for table, rows in ((Facility, [place]), (Room, [room]), (Bed, beds), (Stay, stays)):
        connection.execute(insert(table_of(table)), rows)


def day(number: int | None) -> date | None:
    return None if number is None else date(2020, 1, 1) + timedelta(days=number)


def sleeps(connection: Connection, n: int, first: int, until: int | None, bed: str = "bed1", case: str = "") -> None:
    row: dict[str, Any] = {
        "segment_id": f"g{n}",
        "stay_id": f"s{n}",
        "case_id": case or f"c{n}",
        "bed_id": bed,
        "facility": "A",
        "from_date": day(first),
        "until_date": day(until),
    }
    with connection.begin_nested():
        connection.execute(insert(SEGMENTS), [row])


STANDING = [(10, 20), (25, 30), (40, OPEN)]
LATE_ENTRIES = [
    ("before all, with an end", 1, 5, True),
    ("before all, up to the first night that is taken", 1, 10, True),
    ("before all, one night too long", 1, 11, False),
    ("before all, without an end", 1, OPEN, False),
    ("the very same nights", 10, 20, False),
    ("inside a closed one", 12, 15, False),
    ("around a closed one", 9, 21, False),
    ("over its end", 19, 22, False),
    ("from its end on, up to the next", 20, 25, True),
    ("between two, into the next", 20, 26, False),
    ("between two, without an end", 22, OPEN, False),
    ("up to an open one", 30, 40, True),
    ("into an open one", 30, 41, False),
    ("inside an open one", 50, 51, False),
    ("after the start of an open one, without an end", 50, OPEN, False),
]


@pytest.mark.parametrize(("entry", "first", "until", "taken_in"), LATE_ENTRIES)
@pytest.mark.parametrize("of", ["bed", "person"])
def test_late_entries(house: House, of: str, entry: str, first: int, until: int | None, taken_in: bool) -> None:
    same_person = "c9" if of == "person" else ""
    bed = "bed2" if of == "person" else "bed1"

    def story(connection: Connection) -> None:
        for n, (begins, ends) in enumerate(STANDING):
            sleeps(connection, n, begins, ends, case=same_person)
        if taken_in:
            sleeps(connection, 9, first, until, bed, same_person)
        else:
            with pytest.raises(IntegrityError):
                sleeps(connection, 9, first, until, bed, same_person)

    house.play(story)


@pytest.mark.parametrize(
    ("moved", "change"),
    [("g0", {"until_date": day(11)}), ("g0", {"until_date": OPEN}), ("g2", {"from_date": day(19)})],
)
def test_a_change_may_not_run_into_another_either(house: House, moved: str, change: dict[str, Any]) -> None:
    def story(connection: Connection) -> None:
        sleeps(connection, 0, 5, 10)
        sleeps(connection, 1, 10, 20)
        sleeps(connection, 2, 30, OPEN)
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(update(SEGMENTS).where(SEGMENTS.c.segment_id == moved).values(change))
        connection.execute(update(SEGMENTS).where(SEGMENTS.c.segment_id == "g0").values(until_date=day(9)))

    house.play(story)


def test_a_change_of_bed_may_not_run_into_another(house: House) -> None:
    def story(connection: Connection) -> None:
        sleeps(connection, 0, 5, 10)
        sleeps(connection, 1, 9, 12, "bed2")
        with pytest.raises(IntegrityError), connection.begin_nested():
            connection.execute(update(SEGMENTS).where(SEGMENTS.c.segment_id == "g1").values(bed_id="bed1"))

    house.play(story)


@pytest.mark.parametrize("until", [5, 4])
def test_a_stay_has_one_night_at_least(house: House, until: int) -> None:
    def story(connection: Connection) -> None:
        with pytest.raises(IntegrityError):
            sleeps(connection, 0, 5, until)

    house.play(story)


def test_two_beds_are_two_beds(house: House) -> None:
    def story(connection: Connection) -> None:
        sleeps(connection, 0, 5, OPEN, "bed1")
        sleeps(connection, 1, 5, OPEN, "bed2")

    house.play(story)


RANGES = st.lists(st.tuples(st.integers(0, 30), st.one_of(st.none(), st.integers(1, 8))), min_size=1, max_size=STAYS)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ranges=RANGES)
def test_any_order_of_entries_is_decided_as_a_calendar_would(house: House, ranges: list[tuple[int, Any]]) -> None:
    def story(connection: Connection) -> None:
        calendar: set[int] = set()
        for n, (first, length) in enumerate(ranges):
            nights = set(range(first, 100 if length is None else first + length))
            until = None if length is None else first + length
            if calendar & nights:
                with pytest.raises(IntegrityError):
                    sleeps(connection, n, first, until)
            else:
                sleeps(connection, n, first, until)
                calendar |= nights

    house.play(story)
