"""The bus from nothing: the services' event logs into empty topics, as their relays had sent them.

The logs stay as they are, and their services go on writing; only the relays stand still meanwhile. What is sent is what
stood in the logs, committed, when they did: what came later is the relays' affair again. Where it ends half-way,
nothing is lost for those who listen (their marks are ahead, and relays send what is new), but the topics lack history:
they are made anew once more, and it is started again.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson
from sqlalchemy import bindparam, exists, func, select
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, BusUnavailable, UnknownTopic, appended
from shared.database.prepared import Prepared
from shared.database.protocol import Database, DatabaseUnavailable
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.outbox.lease import LEASE_MS, RENEW_SECONDS, Lease
from shared.outbox.merging import LogPlace, Row, merged
from shared.outbox.relay import BACKOFF_SECONDS, SENT, mark_published, record_of
from shared.outbox.table import EVENTS, UNPUBLISHED

RELAY = "relay"
TOPICS = (LIFECYCLE, OPERATIONS)
BATCH = 1_000
SETTLE_SECONDS = RENEW_SECONDS + 10.0
"""A relay that lost its lease without knowing may begin a batch for 2 s, and wait 10 s for its acknowledgement."""
KEEP_SECONDS = 1.0
FRESH_SECONDS = LEASE_MS / 1000 - RENEW_SECONDS - KEEP_SECONDS
PATIENCE_SECONDS = 60.0
"""How long the bus may refuse one batch."""


class NotEmpty(Exception):
    """The topic holds records already: it would hold the history twice, and not in order."""

    def __init__(self, topic: str, records: int) -> None:
        super().__init__(f"{topic} holds {records} records: make it anew first")
        self.topic = topic


class RelaysReturned(Exception):
    """Somebody else took a relay's lease: what was sent may not be alone any more."""


@dataclass(slots=True)
class Standstill:
    """The relays' leases, in our hands."""

    leases: dict[tuple[str, str], Lease]
    _renewed_at: float = field(default_factory=time.monotonic)
    _lost: bool = False

    def number(self, service: str, name: str = RELAY) -> int:
        """The fence under which the lease is held."""
        return self.leases[service, name].number

    async def check(self) -> None:
        """Raises RelaysReturned, DatabaseUnavailable."""
        if self._lost or time.monotonic() - self._renewed_at > FRESH_SECONDS:
            await self._renew()

    async def keep(self) -> None:
        """Renew for ever. What goes wrong is found by the next `check`."""
        while not self._lost:
            await asyncio.sleep(KEEP_SECONDS)
            with contextlib.suppress(DatabaseUnavailable, RelaysReturned):
                await self._renew()

    async def _renew(self) -> None:
        """A lease that ran out and still has its number was nobody else's in between."""
        began = time.monotonic()
        for (service, _), lease in self.leases.items():
            number = lease.number
            if self._lost or not await lease.hold() or lease.number != number:
                self._lost = True
                raise RelaysReturned(f"the relay of {service} went on: is another republish at work?")
        self._renewed_at = began


@contextlib.asynccontextmanager
async def standstill(
    databases: Mapping[str, Database],
    names: Sequence[tuple[str, str]],
    *,
    alone: bool,
    settle_seconds: float = SETTLE_SECONDS,
) -> AsyncIterator[Standstill]:
    """No relay sends inside. `names`: (service, name of a lease). `alone`: no process of Pulang runs on the databases.

    Relays that were at work are given `settle_seconds` to notice. At the end, also after an error, they may go on.
    Raises DatabaseUnavailable.
    """
    held = Standstill({(service, name): Lease(databases[service], name, alone) for service, name in names})
    keeper: asyncio.Task[None] | None = None
    try:
        seized = [await lease.seize() for lease in held.leases.values()]
        keeper = asyncio.create_task(held.keep(), name="republish-leases")
        if any(seized):
            await asyncio.sleep(settle_seconds)
        await held.check()
        yield held
    finally:
        if keeper is not None:
            keeper.cancel()
            await asyncio.wait([keeper])
        for lease in held.leases.values():
            with contextlib.suppress(DatabaseUnavailable):
                await lease.release()


async def see_that_it_is_empty(bus: Bus, topics: Collection[str] = TOPICS) -> None:
    """Raises NotEmpty, UnknownTopic, BusUnavailable."""
    for topic in topics:
        if records := await appended(bus, topic):
            raise NotEmpty(topic, records)


async def republish(
    databases: Mapping[str, Database], bus: Bus, held: Standstill, told: Callable[[int], None] = lambda _: None
) -> int:
    """Send every event of the logs to its topic, which must be empty; how many. `told` hears now and then how many.

    The same bytes, keys, headers and record timestamps as the relays send, a cause before its effects, each
    (source, subject) in its order. A batch that the bus does not acknowledge is sent again, as a relay does it.
    Raises NotEmpty, RelaysReturned, UnknownTopic, BusUnavailable, DatabaseUnavailable.
    """
    logs = [await _Log.open(service, databases) for service in databases]
    for log in logs:
        log.others = logs
    await see_that_it_is_empty(bus)
    sent, batch = 0, list[Row]()
    sending: asyncio.Task[None] | None = None
    try:
        async for row in merged(logs):
            batch.append(row)
            if len(batch) == BATCH:  # read on, never send, while the last one is acknowledged
                if sending is not None:
                    await sending
                    told(sent)
                sending = asyncio.create_task(_send(databases, bus, held, batch))
                sent, batch = sent + len(batch), []
        if sending is not None:
            await sending
        await _send(databases, bus, held, batch)
    finally:
        if sending is not None and not sending.done():
            sending.cancel()
            await asyncio.wait([sending])
    return sent + len(batch)


async def _send(databases: Mapping[str, Database], bus: Bus, held: Standstill, batch: Sequence[Row]) -> None:
    until, failures = time.monotonic() + PATIENCE_SECONDS, 0
    while True:
        await held.check()
        try:
            await bus.publish([row.record for row in batch])
            break
        except UnknownTopic:
            raise
        except BusUnavailable:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
            failures += 1
    for service, database in databases.items():
        new = [row.place.position for row in batch if row.place.service == service and not row.published]
        if new and not await database.write(
            partial(mark_published, positions=new, lease=RELAY, number=held.number(service))
        ):
            raise RelaysReturned(f"the relay of {service} went on: is another republish at work?")


_PUBLISHED = ~exists().where(UNPUBLISHED.c.position == EVENTS.c.position)
_PAGE = Prepared(
    select(*SENT, _PUBLISHED.label("published"))
    .where(EVENTS.c.position > bindparam("after"), EVENTS.c.position <= bindparam("up_to"))
    .order_by(EVENTS.c.position)
    .limit(BATCH)
)
_PLACES = Prepared(
    select(EVENTS.c.id, EVENTS.c.position, _PUBLISHED.label("published"), EVENTS.c.topic).where(
        EVENTS.c.id.in_(bindparam("of_ids", expanding=True))
    )
)


class _Log:
    """What stood in a service's log when it was opened, a page at a time."""

    def __init__(self, service: str, database: Database, up_to: int, unpublished: set[int]) -> None:
        """`unpublished`: positions of what no relay has marked yet. What commits later at a lower position is not
        among them, nor is what follows it in its stream."""
        self.service = service
        self.others: Sequence[_Log] = ()
        self._database = database
        self._up_to = up_to
        self._unpublished = unpublished
        self._page: list[Row] = []
        self._next = 0
        self._after = 0

    @classmethod
    async def open(cls, service: str, databases: Mapping[str, Database]) -> "_Log":
        def look(session: Session) -> tuple[int, set[int]]:
            last = session.execute(select(func.max(EVENTS.c.position))).scalar_one() or 0
            return last, set(session.execute(select(UNPUBLISHED.c.position)).scalars())

        database = databases[service]
        return cls(service, database, *await database.study(look))

    async def head(self) -> Row | None:
        while self._next == len(self._page):
            if not await self._turn():
                return None
        return self._page[self._next]

    def pass_on(self) -> None:
        self._next += 1

    def holds(self, found: Any) -> bool:
        """Whether the row is one of those that are sent."""
        return (
            found.topic in TOPICS
            and found.position <= self._up_to
            and (found.published or found.position in self._unpublished)
        )

    async def _turn(self) -> bool:
        """The next page; False at the end."""
        found = await self._database.read(partial(_PAGE.all, after=self._after, up_to=self._up_to))
        if not found:
            return False
        self._after = found[-1].position
        rows = [row for row in found if self.holds(row)]
        causes = [orjson.loads(row.payload).get("causationid") for row in rows]
        places = await self._places({cause for cause in causes if cause is not None})
        self._page = [
            Row(
                place=LogPlace(self.service, row.position),
                recorded_ms=row.recorded_ms,
                cause=places.get(cause),
                published=row.position not in self._unpublished,
                record=record_of(row),
            )
            for row, cause in zip(rows, causes, strict=True)
        ]
        self._next = 0
        return True

    async def _places(self, ids: set[str]) -> dict[str, LogPlace]:
        """Where these events stand, in whichever log."""
        places: dict[str, LogPlace] = {}
        for log in self.others:
            if wanted := sorted(ids - places.keys()):
                found = await log._database.read(partial(_PLACES.all, of_ids=wanted))
                places |= {one.id: LogPlace(log.service, one.position) for one in found if log.holds(one)}
        return places
