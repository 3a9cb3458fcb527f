"""The loop of a consumer: records → one transaction → commit → offsets."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from functools import partial

import structlog
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, BusUnavailable, Received, TopicPartition
from shared.consuming.dead_letters import Letter, mark_told, notices, untold
from shared.consuming.inbox import Listener, read, take
from shared.consuming.retry import due, retry_key
from shared.database.protocol import DatabaseUnavailable
from shared.pacing import Pace, Portion
from shared.tasks import why_ended
from shared.work import Desk, Work

BATCH = 300
WAIT_SECONDS = 1.0
RETRY_TICK_SECONDS = 1.0
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger()


class ConsumerLoop:
    """Reads one consumer's topics for ever. A batch in hand is finished before partitions go or the process stops."""

    def __init__(self, desk: Desk, bus: Bus, consumer: Listener) -> None:
        self.consumer = consumer
        self.consumed = 0
        """Events that took effect here, since the start."""
        self._bus = bus
        self._desk = desk
        self._in_hand = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._subscription = bus.subscribe(consumer.name, consumer.topics, self._finish_batch)

    async def start(self) -> None:
        await self._subscription.start()
        self._tasks = [
            asyncio.create_task(self._read(), name=f"{self.consumer.name}-read"),
            asyncio.create_task(self._try_again(), name=f"{self.consumer.name}-retry"),
        ]

    async def stop(self) -> None:
        """Finish the batch in hand with its offsets, then leave the group."""
        self._stopping.set()
        try:
            await self._subscription.stop()
        finally:
            if self._tasks:
                await asyncio.wait(self._tasks)  # what they ended with is told by `failed`

    def failed(self) -> BaseException | None:
        """Why a task of this loop ended by itself: the process must not go on without it."""
        return next((error for task in self._tasks if (error := why_ended(task)) is not None), None)

    async def _finish_batch(self) -> None:
        """Awaited by the bus before partitions go to another member."""
        async with self._in_hand:
            return

    async def _read(self) -> None:
        failures, portion, pace = 0, Portion(BATCH), Pace(self.consumer.share)
        while not self._stopping.is_set():
            try:
                records = await self._subscription.getmany(portion.size, WAIT_SECONDS)
                if records:
                    began = time.monotonic()
                    async with self._in_hand:
                        await self._take_in(records)
                    taken = time.monotonic() - began
                    if len(records) < portion.size and (rest := pace.rest_after(taken)):
                        await self._pause(rest)
                    portion.took(len(records), taken)
                failures = 0
            except BusUnavailable as gone:
                if self._stopping.is_set():
                    return
                await self._back_off(failures, str(gone))
                failures += 1

    async def _take_in(self, records: Sequence[Received]) -> None:
        failures, events = 0, read(records, self.consumer.ignores)
        while events:
            try:
                self.consumed += await take(self._desk, self.consumer.at, events)
                break
            except DatabaseUnavailable as gone:
                if self._stopping.is_set():
                    return
                await self._back_off(failures, str(gone))
                failures += 1
        positions: dict[TopicPartition, int] = {}
        for record in records:
            positions[record.place] = record.offset + 1
        await self._subscription.commit(positions)

    async def _try_again(self) -> None:
        """The timer behind parking: retries what is due, tells operators what was given up on."""
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), RETRY_TICK_SECONDS)
                return
            try:
                keys, letters = await self._desk.glance(self._waiting)
                for key in keys:
                    async with self._in_hand:
                        self.consumed += await self._desk.write(partial(self._retry_key, key=key))
                if letters:
                    await self._tell_operators(letters)
            except (BusUnavailable, DatabaseUnavailable) as gone:
                log.warning("retry waits", consumer=self.consumer.name, because=str(gone))

    def _waiting(self, session: Session) -> tuple[list[str], list[Letter]]:
        """Keys to be tried, and letters to be told."""
        name = self.consumer.name_at(session)
        return due(session, name, int(time.time() * 1000)), untold(session, name)

    def _retry_key(self, work: Work, key: str) -> int:
        return retry_key(work, self.consumer.at(work.session), key)

    async def _tell_operators(self, letters: list[Letter]) -> None:
        await self._bus.publish(notices(self._desk.service, letters, int(time.time() * 1000)))
        told = [position for position, _, _ in letters]
        await self._desk.write(lambda work: mark_told(work.session, told))

    async def _back_off(self, failures: int, because: str) -> None:
        wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
        log.warning("consumer waits", consumer=self.consumer.name, because=because, seconds=wait)
        await self._pause(wait)

    async def _pause(self, seconds: float) -> None:
        """Or until it is to stop."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
