"""An agency joins: its log is written as it would have been from the beginning, a slice at a time.

Each slice is a short transaction of its own, so that nobody waits for all of it. Until the log is whole nothing goes
out to the agency, and what is taken in meanwhile is left for a later slice; the last one holds the log against whoever
takes events in, and from its commit on the agency's log keeps up with them as the others do. Who is stopped in between
goes on where the last commit was, on whichever replica.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.directory import changed
from services.exchange.log import TIME_TO_DELETE, fold_from, take_positions, write_fold
from services.exchange.models import Agency, DeletionRequest, StoredEvent
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.database.protocol import DatabaseUnavailable
from shared.events.envelope import Event
from shared.pacing import Pace, Portion
from shared.tasks import why_ended
from shared.work import Desk, Work

SLICE = 500
"""Stored events at once, at most."""
HOLD_SECONDS = 0.03
"""How long others may have to wait for a slice."""
SHARE = 0.5
"""Of the time, that joining may take."""
LOOK_SECONDS = 5.0
"""Another replica may have begun it, and be gone."""
ASK_SECONDS = 0.02

_AGENCY = table_of(Agency)
_JOINING = Prepared(
    select(_AGENCY.c.agency).where(_AGENCY.c.joining_at.is_not(None)).order_by(_AGENCY.c.agency).limit(1)
)
_ALL = Prepared(select(_AGENCY.c.agency).where(_AGENCY.c.joining_at.is_not(None)))
_OF = Prepared(
    select(_AGENCY.c.agency).where(_AGENCY.c.agency == bindparam("of_agency"), _AGENCY.c.joining_at.is_not(None))
)
_LOCKED = Prepared(
    select(_AGENCY.c.last, _AGENCY.c.joining_at)
    .where(_AGENCY.c.agency == bindparam("of_agency"), _AGENCY.c.joining_at.is_not(None))
    .with_for_update()
)
_STORED = Prepared(
    select(col(StoredEvent.position), col(StoredEvent.payload))
    .where(col(StoredEvent.position) > bindparam("after"))
    .order_by(col(StoredEvent.position))
    .limit(bindparam("at_most"))
)
_REQUESTS = table_of(DeletionRequest)
_ASK = Prepared(
    update(_REQUESTS)
    .where(_REQUESTS.c.agency == bindparam("of_agency"), _REQUESTS.c.acknowledged_at.is_(None))
    .values(asked_at=bindparam("now"), due_at=bindparam("due"))
)
"""It can read only now what it is asked to delete."""
_MOVE = Prepared(
    update(_AGENCY).where(_AGENCY.c.agency == bindparam("of_agency")).values(joining_at=bindparam("to_position"))
)

log = structlog.get_logger()


def begin_log(session: Session, agency: str) -> None:
    """The log of an agency that joins: empty, until `Joining` has written it.

    Once, and kept from then on: what an agency that left and comes back may see, consent says.
    """
    session.execute(insert(_AGENCY).values(agency=agency, last=0, sent=0, joining_at=0))


def is_joining(session: Session, agency: str) -> bool:
    """Whether its log is still being written."""
    return _OF.first(session, of_agency=agency) is not None


def joining_now(session: Session) -> list[str]:
    """Those whose logs are still being written."""
    return [row.agency for row in _ALL.all(session)]


@dataclass(frozen=True, slots=True)
class Slice:
    """What one transaction has written."""

    events: int
    seconds: float
    """How long it held up others; what it waited for them itself does not count."""
    whole: bool
    """Whether the log is: there is nothing to be written any more."""


def write_slice(work: Work, agency: str, at_most: int, *, last: bool) -> Slice:
    """Up to `at_most` stored events more into the agency's log.

    `last`: nothing is taken in until the commit, so that with the end of what is stored the log is whole. Without it
    the end is passed over: more may be stored at this moment.
    """
    session, began = work.session, time.monotonic()
    if last:
        take_positions(session, 0)  # before any row of an agency, as whoever takes events in
    found = _LOCKED.first(session, of_agency=agency)
    if found is None:
        return Slice(0, 0.0, whole=True)
    rows = _STORED.all(session, after=found.joining_at, at_most=at_most)
    if rows:
        events = [Event.from_bytes(row.payload) for row in rows]
        fold = fold_from(session, [agency], events, rows[0].position)
        for row, event in zip(rows, events, strict=True):
            fold.take(row.position, event)
        fold.newly_erased.clear()  # whoever took the erasure in has seen to that
        write_fold(session, fold, {agency: found.last}, work.now)
    whole = last and len(rows) < at_most
    reached = rows[-1].position if rows else found.joining_at
    _MOVE.write(session, [{"of_agency": agency, "to_position": None if whole else reached}])
    if whole:
        _ASK.write(session, [{"of_agency": agency, "now": work.now, "due": work.now + TIME_TO_DELETE}])
        changed(session)
    return Slice(len(rows), time.monotonic() - began, whole)


class Joining:
    """A companion: writes the logs of agencies that join. Replicas that do it at once take turns at the slices."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="exchange-joining")

    async def stop(self) -> None:
        """Finish the slice in hand: whoever comes next goes on behind it."""
        self._stopping.set()
        self._woken.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def failed(self) -> BaseException | None:
        """Why it ended, where it did so by itself."""
        return why_ended(self._task)

    async def joined(self, agency: str, within_seconds: float) -> bool:
        """Whether the log is whole by then; returns as soon as it is."""
        self._woken.set()
        until = time.monotonic() + within_seconds
        try:
            while await self._desk.glance(partial(is_joining, agency=agency)):
                if time.monotonic() >= until or self._stopping.is_set():
                    return False
                await asyncio.sleep(ASK_SECONDS)
        except DatabaseUnavailable:
            return False  # it has joined all the same
        return True

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                while not self._stopping.is_set() and (agency := await self._desk.glance(_next)) is not None:
                    await self._write_log(agency)
            except DatabaseUnavailable as gone:
                log.warning("joining waits", because=str(gone))
                await self._pause(LOOK_SECONDS)
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), LOOK_SECONDS)

    async def _write_log(self, agency: str) -> None:
        """Raises DatabaseUnavailable."""
        portion, pace, last = Portion(SLICE, HOLD_SECONDS), Pace(SHARE), False
        while not self._stopping.is_set():
            size = portion.size
            written = await self._desk.write(partial(write_slice, agency=agency, at_most=size, last=last))
            if written.whole:
                log.info("the log of an agency is written", agency=agency)
                return
            portion.took(written.events, written.seconds)
            last = written.events < size
            await self._pause(pace.rest_after(written.seconds))

    async def _pause(self, seconds: float) -> None:
        """Or until it is to stop."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)


def _next(session: Session) -> Any:
    found = _JOINING.first(session)
    return None if found is None else found.agency
