"""One generation on its way, and those of a service."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, BusUnavailable, Subscription, TopicPartition
from shared.consuming.inbox import Arrived, Consumer, read, take
from shared.consuming.projection import Projection
from shared.consuming.rebuild.generations import (
    STOPPED,
    Superseded,
    begin_outdated,
    end,
    is_behind,
    note,
    progress,
    see_that_it_is_ours,
    swap,
    sweep_some,
)
from shared.consuming.retry import due, retry_key
from shared.database.protocol import DatabaseUnavailable
from shared.database.types import DatabaseMilliseconds
from shared.work import Desk, Work

BATCH = 2_000
NEARLY_THERE = 200
"""Fewer than these at once, and it may have caught up."""
WAIT_SECONDS = 0.2
BEAT_SECONDS = 1.0
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

Result = TypeVar("Result")
log = structlog.get_logger()


class Build:
    """One generation on its way. `failed` is never asked: what goes wrong here ends the build, not the process."""

    def __init__(self, desk: Desk, bus: Bus, projection: Projection, number: int) -> None:
        self._desk = desk
        self._bus = bus
        self._projection = projection
        self._number = number
        self._consumer = replace(projection.generation(number), alone=True)
        self._in_hand = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._taken = 0
        self._beat_at = 0.0

    def stop(self) -> None:
        """The batch in hand is the last one."""
        self._stopping.set()

    async def run(self) -> None:
        """Until it is live, and what was live before is swept away; or until it cannot go on."""
        try:
            await self._patiently(self._sweep)
            if await self._build():
                log.info("projection was rebuilt", consumer=self._projection.name, generation=self._number)
                await self._patiently(self._sweep)
            else:
                await self._end(STOPPED)
        except Superseded:
            log.info("build is superseded", consumer=self._consumer.name)
        except Exception as error:
            log.error("build failed", consumer=self._consumer.name, because=type(error).__name__)
            await self._end(type(error).__name__)

    async def _build(self) -> bool:
        """False where it was stopped."""
        subscription = self._bus.subscribe(self._consumer.name, self._consumer.topics, self._finish_batch)
        await self._patiently(subscription.start)
        reading = asyncio.create_task(self._read(subscription))
        after: dict[TopicPartition, int] = {}
        try:
            while not self._stopping.is_set():
                events = await reading
                # Read ahead while the database has this one. What another rebalance brings once more is dropped.
                reading = asyncio.create_task(self._read(subscription))
                if events:
                    async with self._in_hand:
                        await self._patiently(lambda events=events: self._take(events))  # type: ignore[misc]
                        after |= {record.place: record.offset + 1 for record, _ in events}
                await self._beat()
                # Only its lag is read from the offsets: who builds again begins from nothing.
                if len(events) < NEARLY_THERE:
                    await self._patiently(partial(subscription.commit, after))
                    if await self._patiently(self._take_its_place):
                        return True
            return False
        finally:
            reading.cancel()
            await asyncio.wait([reading])
            await subscription.stop()

    async def _read(self, subscription: Subscription) -> Arrived:
        return read(await self._patiently(lambda: subscription.getmany(BATCH, WAIT_SECONDS)) or ())

    async def _finish_batch(self) -> None:
        async with self._in_hand:
            return

    async def _take(self, events: Arrived) -> None:
        def ours(session: Session) -> Consumer:
            see_that_it_is_ours(session, self._projection, self._number)
            return self._consumer

        await take(self._desk, ours, events)
        self._taken += len(events)

    async def _take_its_place(self) -> bool:
        """True when it is the live one now."""
        if await self._bus.lag(self._consumer.name, self._consumer.topics):
            return False
        await self._retry_parked()
        # Without a lock first: where it is behind, the live consumer need not wait for the answer.
        if await self._desk.study(self._is_behind):
            return False
        return await self._desk.write(self._swap)

    async def _retry_parked(self) -> None:
        """What the live one has passed must not stay parked here: an operator may have helped meanwhile."""
        name, now_ms = self._consumer.name, int(time.time() * 1000)
        for key in await self._desk.read(partial(due, consumer=name, now_ms=now_ms)):
            await self._desk.write(partial(retry_key, consumer=self._consumer, key=key))

    def _is_behind(self, session: Session) -> bool:
        return is_behind(session, self._consumer.name, self._projection.name_at(session))

    def _swap(self, work: Work) -> bool:
        note(work.session, self._projection, self._number, taken=self._taken)
        return swap(work.session, self._projection, self._number)

    async def _beat(self) -> None:
        if time.monotonic() - self._beat_at >= BEAT_SECONDS:
            self._beat_at = time.monotonic()
            beat = partial(self._note, taken=self._taken, beat_ms=DatabaseMilliseconds())
            await self._patiently(lambda: self._desk.write(beat))

    async def _end(self, reason: str) -> None:
        try:
            await self._desk.write(lambda work: end(work.session, self._projection, self._number, reason[:120]))
        except DatabaseUnavailable as gone:  # the silence tells
            log.warning("build ends unnoted", consumer=self._consumer.name, because=str(gone))

    def _note(self, work: Work, **values: Any) -> None:
        note(work.session, self._projection, self._number, **values)

    async def _sweep(self) -> None:
        more = True
        while more and not self._stopping.is_set():
            more = await self._desk.write(lambda work: sweep_some(work.session, self._projection))

    async def _patiently(self, act: Callable[[], Awaitable[Result]]) -> Result | None:
        """What it brings; None where it was stopped while the bus or the database was away."""
        failures = 0
        while True:
            try:
                return await act()
            except (BusUnavailable, DatabaseUnavailable) as gone:
                if self._stopping.is_set():
                    return None
                wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
                log.warning("build waits", consumer=self._consumer.name, because=str(gone), seconds=wait)
                failures += 1
                await asyncio.sleep(wait)


class Rebuilding:
    """A service's builds; a part of the service, started and stopped with it."""

    def __init__(self, desk: Desk, bus: Bus, projections: Sequence[Projection]) -> None:
        self.projections = {projection.name: projection for projection in projections}
        self._desk = desk
        self._bus = bus
        self._builds: list[tuple[Build, asyncio.Task[None]]] = []

    async def start(self) -> None:
        """Build what a migration has emptied; else it works when it is asked. Raises DatabaseUnavailable."""
        for name, projection in self.projections.items():
            number = await self._desk.write(partial(begin_outdated, projection=projection))
            if number is not None:
                log.info("projection is rebuilt: its tables changed", consumer=name, generation=number)
                self.build({name: number})

    async def stop(self) -> None:
        for build, _ in self._builds:
            build.stop()
        if self._builds:
            await asyncio.wait([task for _, task in self._builds])

    def failed(self) -> BaseException | None:
        return None

    def build(self, numbers: Mapping[str, int]) -> None:
        """Build these generations, which `begin` has given out, beside all else that the process does."""
        self._builds = [one for one in self._builds if not one[1].done()]
        for name, number in numbers.items():
            build = Build(self._desk, self._bus, self.projections[name], number)
            self._builds.append((build, asyncio.create_task(build.run(), name=f"{name}-rebuild")))

    async def progress(self) -> list[dict[str, Any]]:
        """Of every projection. Raises DatabaseUnavailable."""
        return [await self._desk.read(partial(progress, projection=one)) for one in self.projections.values()]
