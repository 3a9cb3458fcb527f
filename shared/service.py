"""A service as it runs: its database, its keys, its relay and its consumers, started and stopped together."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
from fastapi import APIRouter
from sqlalchemy import MetaData

from shared.auditing.heads import AUDIT_TOPIC, chain_and_head
from shared.auditing.publishing import HeadPublisher
from shared.auditing.restored import heads_are_lacking
from shared.bus.protocol import Bus, BusUnavailable, Topic
from shared.consuming.dead_letters import parked, topic_of
from shared.consuming.inbox import Listener
from shared.consuming.loop import ConsumerLoop
from shared.consuming.projection import Projection
from shared.consuming.rebuild import Rebuilding
from shared.database.protocol import DatabaseUnavailable
from shared.erasing.destroying import Destruction
from shared.erasing.forgetting import Forgetting
from shared.erasing.table import count_not_gone
from shared.events.fact import LIFECYCLE, OPERATIONS
from shared.ground import Ground
from shared.http.idempotency import ANSWERS, forget_old
from shared.outbox.lease import Lease
from shared.outbox.record import StateBehind
from shared.outbox.relay import Relay, backlog, recorded
from shared.restoring.noticing import DatabaseMoved, DatabaseOlder, has_moved, is_at_home, is_older
from shared.security import audit
from shared.security.membership import agencies_left
from shared.security.tokens import Verifier
from shared.tasks import why_ended
from shared.work import Desk, Work

SERVICE_TOPICS = (Topic(LIFECYCLE, partitions=4), Topic(OPERATIONS, partitions=4), AUDIT_TOPIC)
CHORE_SECONDS = 1.0
LAG_SECONDS = 2.0
"""How long operators wait for a bus that may be away."""
CLOCK_EVERY = 60
"""Chores between two rounds of what the clock asks for."""

Kind = TypeVar("Kind")

log = structlog.get_logger()


class Companion(Protocol):
    """Something that runs beside a service's relay and consumers."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def failed(self) -> BaseException | None: ...


@dataclass(frozen=True, slots=True)
class Definition:
    """What a service is made of; wiring only."""

    name: str
    router: APIRouter
    metadata: MetaData
    migrations: Path
    consumers: tuple[Listener, ...] = ()
    companions: Callable[["Service"], Sequence[Companion]] = field(default=lambda _: ())
    clock: tuple[Callable[[Work], object], ...] = ()
    """Commands that time gives: done once a minute by the replica that holds the relay's lease."""
    forgetting: Forgetting = field(kw_only=True)
    """What it does when a person is erased; its consumers do it as well, and a restore before anybody is served."""


class Service:
    """One replica of a service.

    It comes up in two steps, so that a replica whose bus is away serves its users nevertheless: `open` with its
    database, `attend` with the bus. Either may be tried again where it raises.
    """

    def __init__(self, definition: Definition, ground: Ground, bus: Bus, verifier: Verifier) -> None:
        self.definition = definition
        self.name = definition.name
        self.ground = ground
        self.bus = bus
        self.verifier = verifier
        self.database = ground.database
        self.desk = Desk(service=self.name, database=ground.database, secrets=ground.secrets, keys=ground.keys)
        self.relay = Relay(self.desk, bus, Lease(self.database, "relay", alone=ground.alone))
        self.relay.may_send = False
        self.heads = HeadPublisher(self.desk, bus, self.relay)
        self.loops = [ConsumerLoop(self.desk, bus, consumer) for consumer in definition.consumers]
        self.rebuilding = Rebuilding(
            self.desk, bus, [one for one in definition.consumers if isinstance(one, Projection)]
        )
        cleaned = (ANSWERS.name, *(table.name for table in definition.forgetting.tables))
        self._destruction = Destruction(self.name, ground, cleaned)
        self.companions = list(definition.companions(self))
        self._running: list[Companion] = []
        self._chores: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._opened = self._moved = False
        self.left: frozenset[str] = frozenset()
        """Agencies that have left the exchange, as this replica last read it."""

    async def open(self) -> None:
        """Take requests, tell events. Raises DatabaseUnavailable.

        On a server on which the database was never seen whole, it is only read until `attend` has looked at the bus.
        """
        if not self._opened:
            await self.ground.open()
            self._opened = True
        await self._destruction.all_again()
        self._moved = await self.database.read(has_moved)
        self.left = await self.database.read(agencies_left)
        if self._moved:
            self.desk.closed = f"{self.name}: the database was restored or moved: waiting to compare it with the bus"
            await self._start(*self.companions)
        else:
            await self._start(self.relay, *self.companions)
        self._chores = asyncio.create_task(self._do_chores(), name=f"{self.name}-chores")

    async def attend(self) -> None:
        """Listen to the others. Raises BusUnavailable, DatabaseOlder."""
        await self.bus.declare((*SERVICE_TOPICS, Topic(topic_of(self.name), 1)))
        await self._compare_with_the_bus()
        await self._start(self.relay, self.heads, *self.loops, self.rebuilding)

    async def _compare_with_the_bus(self) -> None:
        """Before anything is told or heard. Raises DatabaseOlder."""
        if self.relay.may_send:
            return
        if await is_older(
            self.bus, self.database, self.name, self.definition.consumers, moved=self._moved
        ) or await heads_are_lacking(self.bus, self.database, self.name, self.ground.secrets.heads):
            older = DatabaseOlder(self.name)
            self.desk.closed = str(older)
            raise older
        await self.database.write(is_at_home)
        self.desk.closed = None
        self.relay.may_send = True

    async def stop(self) -> None:
        """Stop taking, finish the batch in hand, flush what can be flushed."""
        self._stopping.set()
        if self._chores is not None:
            await asyncio.wait([self._chores])
        await self._destruction.stop()
        for part in reversed(self._running):
            with contextlib.suppress(BusUnavailable, DatabaseUnavailable):
                await part.stop()
        await self.ground.close()

    async def _start(self, *parts: Companion) -> None:
        for part in parts:
            if part not in self._running:
                await part.start()
                self._running.append(part)

    def companion(self, kind: type[Kind]) -> Kind:
        """The one of that kind that runs beside it. Raises StopIteration where its definition has none."""
        return next(one for one in self.companions if isinstance(one, kind))

    def failed(self) -> BaseException | None:
        """Why a part of it ended by itself, if one did."""
        for part in (self.database, *self._running):
            if (error := part.failed()) is not None:
                return error
        return why_ended(self._chores)

    async def missing(self) -> list[str]:
        """What keeps it from being ready; empty when all is there."""
        lacks = [await part.healthy() for part in (self.database, self.bus, self.verifier)]
        if (error := self.failed()) is not None:
            lacks.append(f"{self.name}: a background task ended ({type(error).__name__})")
        return [lack for lack in lacks if lack]

    async def status(self) -> dict[str, Any]:
        """Backlogs, for operators; what the bus does not tell is None."""
        lags = await asyncio.gather(*(self._lag(loop.consumer) for loop in self.loops))
        waiting = await self.desk.read(parked)
        return {
            "service": self.name,
            "events": await self.desk.glance(recorded),
            "outbox_backlog": await self.desk.glance(backlog),
            "consumer_lag": {loop.consumer.name: lag for loop, lag in zip(self.loops, lags, strict=True)},
            "parked": len(waiting),
            "dead_letters": sum(1 for entry in waiting if entry["dead"]),
            "keys_to_destroy": await self.desk.glance(count_not_gone),
        }

    async def _lag(self, consumer: Listener) -> int | None:
        try:
            async with asyncio.timeout(LAG_SECONDS):
                return await self.bus.lag(consumer.name, consumer.topics)
        except (BusUnavailable, TimeoutError):
            return None

    async def _do_chores(self) -> None:
        """Chain the audit log within a second; do what the clock asks for once a minute.

        Raises DatabaseMoved where another server took over: the process ends, and compares with the bus when it comes
        again.
        """
        done = 0
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), CHORE_SECONDS)
            try:
                self.left = await self.desk.glance(agencies_left)
                if self.relay.may_send and await self.desk.glance(has_moved):
                    self.desk.closed = f"{self.name}: another server took over the database"
                    raise DatabaseMoved(self.desk.closed)
                if await self.desk.glance(audit.unchained) and self.relay.leading:
                    while await self.desk.write(chain_and_head):
                        pass
                done += 1
                if done % CLOCK_EVERY == 1 and self.relay.leading:
                    await self._do_what_time_gives()
                if self.relay.leading:
                    await self._destruction.go_on()
            except DatabaseUnavailable as gone:
                log.warning("chores wait", service=self.name, because=str(gone))

    async def _do_what_time_gives(self) -> None:
        """A subject that waits for an officer after a restore holds up nobody but who asks for it."""
        for command in (forget_old, *self.definition.clock):
            try:
                await self.desk.write(command)
            except StateBehind as behind:
                name = getattr(command, "__name__", "")
                log.error("a command of the clock waits", service=self.name, command=name, because=str(behind))
