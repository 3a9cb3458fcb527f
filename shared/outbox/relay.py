"""From the event log to the bus: whatever is not yet published, oldest first, acknowledged, then marked."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, func, select, true
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, BusUnavailable, Record
from shared.database.bulk import one_by_one
from shared.database.prepared import Prepared
from shared.database.protocol import DatabaseUnavailable
from shared.events.envelope import STRUCTURED
from shared.outbox.lease import Lease, still_held
from shared.outbox.table import EVENTS, UNPUBLISHED
from shared.pacing import Pace
from shared.tasks import why_ended
from shared.work import Desk

BATCH = 500
BACKLOG_BATCH = 2_000
"""How many at once where more than a batch waits: the bus is written to while nothing waits for its answer."""
IN_A_ROW = 8
"""Batches, before what committed late is looked for."""
POLL_SECONDS = 1.0
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Batch:
    positions: list[int]
    records: list[Record]
    full: bool
    """Whether more may wait behind it."""


class Relay:
    """One per service, however many replicas: a lease says which. `wake` after a commit; polling is the truth.

    A relay that was stopped and wakes can still send what it had read: a record may stand twice in a topic. It cannot
    mark anything, since marking is fenced by the number of its lease.
    """

    def __init__(self, desk: Desk, bus: Bus, lease: Lease) -> None:
        self._database = desk.database
        self._desk = desk
        self._bus = bus
        self.published = 0
        """Records that the bus acknowledged, since the start."""
        desk.listeners.append(self._committed)
        self._lease = lease
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.may_send = True
        """Set by the service: not before it knows that the bus has nothing newer of its own."""

    @property
    def leading(self) -> bool:
        """Whether this replica holds the lease, as far as it knows."""
        return self._lease.number > 0

    @property
    def lease(self) -> tuple[str, int]:
        """Its name, and the number under which it is held; 0 while somebody else holds it."""
        return self._lease.name, self._lease.number

    def _committed(self, recorded: bool) -> None:
        if recorded:
            self._woken.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="relay")

    async def stop(self) -> None:
        """Finish the batch in hand, give the lease back."""
        self._stopping = True
        self._woken.set()
        if self._task is not None:
            await asyncio.wait([self._task])  # what it ended with is told by `failed`
        with contextlib.suppress(DatabaseUnavailable):
            await self._lease.release()

    def failed(self) -> BaseException | None:
        """Why the relay ended, where it did so by itself: the process must not go on without it."""
        return why_ended(self._task)

    async def _run(self) -> None:
        failures, pace = 0, Pace()
        while not self._stopping:
            self._woken.clear()
            began = time.monotonic()
            try:
                sent = await self._send_next() if await self._lease.hold() and self.may_send else 0
                failures = 0
            except (BusUnavailable, DatabaseUnavailable) as gone:
                wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
                failures += 1
                log.warning("relay waits", because=str(gone), seconds=wait)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), wait)
                if not self._stopping:
                    await asyncio.sleep(wait / 2)
                continue
            if not sent:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
            elif sent < BATCH and not self._stopping:
                await asyncio.sleep(pace.rest_after(time.monotonic() - began))

    async def _send_next(self) -> int:
        """Send what waits; how many. Of more than a batch, the next one is read while this one is acknowledged, and the
        last one is marked meanwhile."""
        sent, marking, reading = 0, None, None
        batch = await self._read(after=0, at_most=BATCH)
        try:
            for _ in range(IN_A_ROW):
                if batch.full:
                    # What commits late may stand before these: it is found when the row begins again from the start.
                    reading = asyncio.create_task(self._read(batch.positions[-1], BACKLOG_BATCH))
                if batch.positions:
                    await self._publish(batch.records)
                    if marking is not None and not await marking:
                        return sent
                    marking = asyncio.create_task(self._mark(batch.positions))
                    sent += len(batch.positions)
                if reading is None or self._stopping or not await self._lease.hold():
                    break
                batch, reading = await reading, None
        finally:
            # Neither outlives this call, whatever has become of the other.
            ended = await asyncio.gather(
                *(task for task in (marking, reading) if task is not None), return_exceptions=True
            )
        for one in ended:
            if isinstance(one, BaseException):
                raise one
        return sent

    async def _read(self, after: int, at_most: int) -> _Batch:
        rows = await self._database.glance(partial(_WAITING.all, after=after, at_most=at_most))
        return _Batch(
            positions=[row.position for row in rows],
            records=[record_of(row) for row in rows],
            full=len(rows) == at_most,
        )

    async def _mark(self, positions: Sequence[int]) -> bool:
        """False where another relay holds the lease by now."""
        name, number = self._lease.name, self._lease.number
        marked = await self._database.write(lambda session: mark_published(session, positions, name, number))
        if not marked:
            self._lease.lost()
        return marked > 0

    async def _publish(self, records: Sequence[Record]) -> None:
        """Raises BusUnavailable."""
        tracer = self._desk.tracer
        with contextlib.nullcontext() if tracer is None else tracer.sending([record.value for record in records]):
            await self._bus.publish(records)
        self.published += len(records)


SENT = (EVENTS.c.position, EVENTS.c.topic, EVENTS.c.subject, EVENTS.c.payload, EVENTS.c.recorded_ms)
"""What is read of a row to send it."""


def _waiting(dialect: str) -> Any:
    same = UNPUBLISHED.c.position == EVENTS.c.position
    if dialect == "postgresql":
        event = one_by_one(select(*SENT).where(same).correlate(UNPUBLISHED), "event")
        chosen = select(*event.c).join_from(UNPUBLISHED, event, true())
    else:
        chosen = select(*SENT).join_from(UNPUBLISHED, EVENTS, same)
    return (
        chosen.where(UNPUBLISHED.c.position > bindparam("after"))
        .order_by(UNPUBLISHED.c.position)
        .limit(bindparam("at_most"))
    )


_WAITING = Prepared(_waiting)
_MARK = Prepared(delete(UNPUBLISHED).where(UNPUBLISHED.c.position.in_(bindparam("positions", expanding=True))))


def record_of(row: Any) -> Record:
    """A row of the event log as it stands on the bus."""
    return Record(row.topic, row.subject, row.payload, row.recorded_ms, STRUCTURED)


def mark_published(session: Session, positions: Sequence[int], lease: str, number: int) -> int:
    """Mark as published, unless another relay holds the lease by now; how many were marked."""
    if not still_held(session, lease, number):
        return 0
    _MARK.write(session, [{"positions": positions}])
    return len(positions)


def backlog(session: Session) -> int:
    """Events that are not on the bus yet."""
    return int(_BACKLOG.all(session)[0].count)


def recorded(session: Session) -> int:
    """Events in the log."""
    return int(_RECORDED.all(session)[0].count)


_BACKLOG = Prepared(select(func.count().label("count")).select_from(UNPUBLISHED))
_RECORDED = Prepared(select(func.count().label("count")).select_from(EVENTS))
