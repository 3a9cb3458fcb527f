"""The heads of the audit chain, on their way to the operators' topic."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from functools import partial

import structlog

from shared.auditing.heads import chain_and_head, published, record_of, unpublished
from shared.bus.protocol import Bus, BusUnavailable, Record
from shared.database.protocol import DatabaseUnavailable
from shared.outbox.relay import Relay
from shared.security.audit import unchained
from shared.tasks import why_ended
from shared.work import Desk

EVERY_SECONDS = 1.0
AWAY_SECONDS = 5.0
LAST_SECONDS = 2.0
"""How long an acknowledgement is waited for, by whoever stops, too."""

log = structlog.get_logger()


class HeadPublisher:
    """Publishes what is noted, at most once a second, while this replica holds the relay's lease.

    A task of its own, since a bus that is away takes seconds to say so, and the chores wait for nobody. One that was
    stopped and wakes can publish a head again: the same bytes.
    """

    def __init__(self, desk: Desk, bus: Bus, relay: Relay) -> None:
        self._desk = desk
        self._bus = bus
        self._relay = relay
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._away = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"{self._desk.service}-audit-heads")

    async def stop(self) -> None:
        """What is there is chained and published, unless database or bus are away; otherwise it is later."""
        self._stopping.set()
        if self._task is None:
            return
        await asyncio.wait([self._task])
        if self.failed() is None and not self._away:
            with contextlib.suppress(BusUnavailable, DatabaseUnavailable):
                await self._close()

    def failed(self) -> BaseException | None:
        """Why it ended by itself, if it did."""
        return why_ended(self._task)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._publish()
                self._away = False
            except (BusUnavailable, DatabaseUnavailable) as gone:
                if not self._away:
                    log.warning("audit heads wait", service=self._desk.service, because=str(gone))
                self._away = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), AWAY_SECONDS if self._away else EVERY_SECONDS)

    async def _publish(self) -> bool:
        """Whether there was something."""
        if not (self._relay.leading and self._relay.may_send):
            return False
        heads = await self._desk.glance(unpublished)
        if heads:
            key = self._desk.secrets.heads
            service = self._desk.service
            await self._send([record_of(head, service, head.seal(key, service)) for head in heads])
            await self._desk.write(partial(published, heads=heads))
        return bool(heads)

    async def _close(self) -> None:
        if not (self._relay.leading and self._relay.may_send and self._desk.closed is None):
            return
        if await self._desk.glance(unchained):
            await self._desk.write(chain_and_head)
        began = time.monotonic()
        while await self._publish() and time.monotonic() - began < LAST_SECONDS:
            pass

    async def _send(self, records: Sequence[Record]) -> None:
        """As `publish`, but no stop waits longer for it than LAST_SECONDS: it may come to its end by itself, and again
        with the next try. Raises BusUnavailable."""
        sending = asyncio.ensure_future(self._bus.publish(records))
        await asyncio.wait({sending}, timeout=LAST_SECONDS)
        if not sending.done():
            sending.add_done_callback(lambda one: one.cancelled() or one.exception())
            raise BusUnavailable(f"no acknowledgement within {LAST_SECONDS:g} s")
        sending.result()
