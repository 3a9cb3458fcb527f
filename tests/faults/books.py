"""What stands in the services' databases after the faults, read from their tables directly: no code of Pulang's."""

import asyncio
import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import asyncpg

SERVICES = ("intake", "shelter", "aid", "psychosocial", "exchange")
SETTLES_WITHIN_SECONDS = 30.0
Stream = tuple[str, str]
"""(source, subject)"""


def takes_in(consumer: str, source: str) -> bool:
    """A service's reactions pass what it told itself."""
    return consumer != f"{source.removeprefix('/pulang/')}.reactions"


class NotSettled(AssertionError):
    """Something is on its way still; the message says what."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One row of a service's event log."""

    source: str
    position: int
    topic: str
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Nights:
    """One person in one bed: from the night of `first` to the one before `until`; None is open."""

    bed: str
    case: str
    stay: str
    first: date
    until: date | None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger of goods."""

    position: int
    entry: str
    store: str
    item: str
    change: int
    kind: str


@dataclass(slots=True)
class Books:
    """All that the checker asks of the databases."""

    log: list[Logged] = field(default_factory=list)
    """Each service's events, in the order of their positions."""
    streams: dict[Stream, int] = field(default_factory=dict)
    marks: dict[str, dict[Stream, int]] = field(default_factory=dict)
    """Inbox by consumer."""
    unpublished: int = 0
    parked: int = 0
    unsent: int = 0
    """Rows of the agencies' logs that their topics lack."""
    nights: list[Nights] = field(default_factory=list)
    stays: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Case and status by stay."""
    beds: int = 0
    ledger: list[Line] = field(default_factory=list)
    stock: dict[tuple[str, str], int] = field(default_factory=dict)
    """Quantity by store and item."""
    cases: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    indicators: dict[str, int] = field(default_factory=dict)
    """What exchange's projection counted: cases, stays, issued, sessions."""


class Tables(Protocol):
    """Somewhere to ask a service's database."""

    async def rows(self, service: str, query: str) -> Sequence[Sequence[Any]]: ...


class SqliteTables:
    """The files of an embedded Pulang; may be asked while it runs."""

    def __init__(self, data: Path) -> None:
        self._data = data

    async def rows(self, service: str, query: str) -> Sequence[Sequence[Any]]:
        return await asyncio.to_thread(self._ask, service, query)

    def _ask(self, service: str, query: str) -> Sequence[Sequence[Any]]:
        connection = sqlite3.connect(f"file:{self._data / f'{service}.db'}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


class PostgresTables:
    """One database per service. `urls`: of each, with a user who may read it."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls

    async def rows(self, service: str, query: str) -> Sequence[Sequence[Any]]:
        connection = await asyncpg.connect(self._urls[service], timeout=10)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()


async def read_books(tables: Tables) -> Books:
    """Everything, at one quiet moment: the caller has seen that nothing moves any more."""
    books = Books()
    for service in SERVICES:
        source = f"/pulang/{service}"
        for position, topic, payload in await tables.rows(
            service, "SELECT position, topic, payload FROM events ORDER BY position"
        ):
            books.log.append(Logged(source, position, topic, json.loads(payload)))
        for subject, version in await tables.rows(service, "SELECT subject, version FROM streams"):
            books.streams[source, subject] = version
        for consumer, told_by, subject, version in await tables.rows(
            service, "SELECT consumer, source, subject, version FROM inbox"
        ):
            books.marks.setdefault(consumer, {})[told_by, subject] = version
    await _read_backlog(books, tables)
    await _read_shelter(books, tables)
    await _read_the_rest(books, tables)
    return books


async def backlog(tables: Tables) -> dict[str, int]:
    """How much is on its way, by what waits; empty when all has arrived."""
    waiting: dict[str, int] = {}
    heads: dict[Stream, int] = {}
    marks: dict[str, dict[Stream, int]] = {}
    for service in SERVICES:
        waiting[f"{service}: unpublished"] = await _count(tables, service, "unpublished")
        waiting[f"{service}: parked"] = await _count(tables, service, "parked")
        for subject, version in await tables.rows(service, "SELECT subject, version FROM streams"):
            heads[f"/pulang/{service}", subject] = version
        for consumer, source, subject, version in await tables.rows(
            service, "SELECT consumer, source, subject, version FROM inbox"
        ):
            marks.setdefault(consumer, {})[source, subject] = version
    for consumer, known in marks.items():
        waiting[f"{consumer}: lag"] = sum(
            max(0, head - known.get(stream, 0)) for stream, head in heads.items() if takes_in(consumer, stream[0])
        )
    waiting["agencies: unsent"] = await _unsent(tables)
    return {what: count for what, count in waiting.items() if count}


async def settle(tables: Tables, within_seconds: float = SETTLES_WITHIN_SECONDS) -> float:
    """Seconds until nothing is on its way any more, seen twice. Raises NotSettled."""
    began, calm = time.monotonic(), 0
    while calm < 2:
        waiting = await backlog(tables)
        if waiting and time.monotonic() - began > within_seconds:
            raise NotSettled(f"{within_seconds:.0f} s after the last fault: {waiting}")
        calm = 0 if waiting else calm + 1
        await asyncio.sleep(0.1)
    return time.monotonic() - began


async def _read_backlog(books: Books, tables: Tables) -> None:
    for service in SERVICES:
        books.unpublished += await _count(tables, service, "unpublished")
        books.parked += await _count(tables, service, "parked")
    books.unsent = await _unsent(tables)


async def _read_shelter(books: Books, tables: Tables) -> None:
    for bed, case, stay, first, until in await tables.rows(
        "shelter", "SELECT bed_id, case_id, stay_id, from_date, until_date FROM segments"
    ):
        last = None if until is None else _day(until)
        books.nights.append(Nights(str(bed), str(case), str(stay), _day(first), last))
    for stay, case, status in await tables.rows("shelter", "SELECT stay_id, case_id, status FROM stays"):
        books.stays[str(stay)] = (str(case), status)
    books.beds = await _count(tables, "shelter", "beds")


async def _read_the_rest(books: Books, tables: Tables) -> None:
    lines = await tables.rows(
        "aid", "SELECT position, entry_id, store, item, change, kind FROM ledger ORDER BY position"
    )
    books.ledger = [Line(*row) for row in lines]
    for store, item, quantity in await tables.rows("aid", "SELECT store, item, quantity FROM stock"):
        books.stock[store, item] = quantity
    books.cases = {str(case) for (case,) in await tables.rows("intake", "SELECT case_id FROM cases")}
    books.sessions = {str(one) for (one,) in await tables.rows("psychosocial", "SELECT session_id FROM sessions")}
    books.indicators = {
        "cases": await _counted(tables, "arrivals"),
        "stays": await _counted(tables, "check_ins"),
        "issued": await _counted(tables, "items_issued"),
        "sessions": await _counted(tables, "sessions"),
    }


async def _count(tables: Tables, service: str, what: str) -> int:
    ((count,),) = await tables.rows(service, f"SELECT count(*) FROM {what}")
    return int(count)


async def _counted(tables: Tables, measure: str) -> int:
    ((total,),) = await tables.rows(
        "exchange",
        f"SELECT coalesce(sum(number), 0) FROM day_counts WHERE dimension = 'sex' AND measure = '{measure}'",
    )
    return int(total)


async def _unsent(tables: Tables) -> int:
    ((rows,),) = await tables.rows("exchange", "SELECT coalesce(sum(last - sent), 0) FROM agencies")
    return int(rows)


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value)[:10])
