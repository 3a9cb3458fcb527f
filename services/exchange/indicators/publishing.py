"""Months are published once, when they are closed, and never changed after that."""

import asyncio
import contextlib
import hmac
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from typing import Any

import orjson
import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.directory import told_provinces
from services.exchange.indicators.protection import (
    Month,
    count,
    is_settled,
    last_closed,
    protect,
    rounded,
    withheld_month,
)
from services.exchange.models import CaseFact, Place, PublishedMonth
from services.exchange.projections import INDICATORS
from services.exchange.projections.case import Case
from services.exchange.schemas import PublishedMonth as PublishedView
from shared.bus.protocol import Bus, BusUnavailable
from shared.consuming.rebuild import OUTDATED, progress
from shared.database.models import table_of
from shared.database.prepared import upserting
from shared.database.protocol import DatabaseUnavailable
from shared.tasks import why_ended
from shared.times import utc_now
from shared.work import Desk, Work

LOOK_SECONDS = 600.0
_CASE = table_of(CaseFact)
_PUBLISH = upserting(table_of(PublishedMonth), ("month",))

log = structlog.get_logger()


class Publisher:
    """Publishes the months that are due. Every replica may: the first to write a month has it."""

    def __init__(self, desk: Desk, bus: Bus, now: Callable[[], datetime] = utc_now) -> None:
        self.now = now
        self._desk = desk
        self._bus = bus
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="exchange-publisher")

    async def stop(self) -> None:
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def failed(self) -> BaseException | None:
        return why_ended(self._task)

    def published(self, after: str | None, limit: int) -> Callable[[Session], list[PublishedView]]:
        """A query for what is published by now."""
        return partial(published, now=self.now(), after=after, limit=limit)

    async def publish(self) -> list[str]:
        """The months that were published now. Raises BusUnavailable, DatabaseUnavailable.

        None while something told has not been heard yet, or the picture is being built: they would lack people for
        ever.
        """
        if await self._bus.lag(INDICATORS.name, INDICATORS.topics):
            return []
        now = self.now()
        months = await self._desk.study(partial(_due, now=now))
        for month in months:
            tables = await self._desk.study(partial(_tables_of, month=month, key=self._desk.secrets.figures))
            await self._desk.write(partial(_keep, month=month, tables=tables))
        return [str(month) for month in months]

    async def _run(self) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), LOOK_SECONDS)
                return
            try:
                if published := await self.publish():
                    log.info("figures were published", months=published)
            except (BusUnavailable, DatabaseUnavailable) as gone:
                log.warning("publishing waits", because=str(gone))


def published(session: Session, now: datetime, after: str | None, limit: int) -> list[PublishedView]:
    """The months from the first that told anything to the last that is closed, behind `after`.

    A month that may not be told, one that nobody arrived in and one that waits for late entries look the same.
    """
    kept = {
        row.month: row.tables
        for row in session.execute(select(table_of(PublishedMonth)).order_by(col(PublishedMonth.month)))
    }
    told = [month for month, tables in kept.items() if tables is not None]
    if not told:
        return []
    listed = (str(month) for month in Month.read(told[0]).through(last_closed(now)))
    page = [month for month in listed if after is None or month > after][:limit]
    return [_view(month, kept.get(month)) for month in page]


def _view(month: str, tables: bytes | None) -> PublishedView:
    said = {"arrivals": None, "tables": withheld_month()} if tables is None else orjson.loads(tables)
    return PublishedView(month=month, **said)


def _due(session: Session, now: datetime) -> list[Month]:
    """Settled, and not published."""
    state = progress(session, INDICATORS)
    if state["building"] is not None or state["ended"] == OUTDATED:
        return []
    kept = set(session.scalars(select(col(PublishedMonth.month))))
    days: Any = session.execute(
        select(_CASE.c.arrival_date, func.max(_CASE.c.recorded_on))
        .where(_CASE.c.generation == INDICATORS.live, _CASE.c.arrival_date <= last_closed(now).last)
        .group_by(_CASE.c.arrival_date)
    )
    entered: dict[Month, date] = {}
    for day, recorded_on in days:
        month = Month.of(day)
        entered[month] = max(recorded_on, entered.get(month, recorded_on))
    return [
        month
        for month, last_entry in sorted(entered.items(), key=lambda one: one[0].first)
        if str(month) not in kept and is_settled(month, last_entry, now)
    ]


def _tables_of(session: Session, month: Month, key: bytes) -> bytes | None:
    rows = session.scalars(
        select(_CASE.c.told).where(
            _CASE.c.generation == INDICATORS.live, _CASE.c.arrival_date.between(month.first, month.last)
        )
    )
    cases = [Case.from_bytes(told) for told in rows]

    def draw(table: str, value: str) -> bytes:
        return hmac.digest(key, f"{month}|{table}|{value}".encode(), "sha256")

    tables = protect(len(cases), count(cases, _told_provinces(session)), draw)
    return None if tables is None else orjson.dumps({"arrivals": rounded(len(cases)), "tables": tables})


def _told_provinces(session: Session) -> dict[str, str]:
    """By place, as in what agencies are told of an event."""
    return told_provinces({row.code: row.province for row in session.execute(select(table_of(Place)))})


def _keep(work: Work, month: Month, tables: bytes | None) -> None:
    _PUBLISH.write(work.session, [{"month": str(month), "tables": tables}])
