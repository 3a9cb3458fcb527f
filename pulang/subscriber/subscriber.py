"""The loop: the next batch, its transaction, and the acknowledgements of what was deleted."""

import asyncio
import logging
import random
import signal
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Generic, TypeVar

from pulang.subscriber.applying import Applying, Deleting, Handler, Report, Troubled
from pulang.subscriber.problems import GapFound, Refused, Unreachable, Unreadable
from pulang.subscriber.source import Batch, Source
from pulang.subscriber.store import Store

Db = TypeVar("Db")
Answer = TypeVar("Answer")

WAIT_SECONDS = 25.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
"""Between two tries while there is no answer."""
TRIED_AGAIN_SECONDS = 600.0
"""How often it is seen whether what was set aside can be taken."""
_AT_ONCE = 100
"""Acknowledgements between two transactions."""

_log = logging.getLogger("pulang.subscriber")


class Subscriber(Generic[Db]):
    """Follows what an agency may see, and keeps a copy of it in step. One at a time per store.

    Every event has its effect once, in order within each (source, subject); what asks for deletion is carried out by
    `delete_case` and `delete_identity`, committed, and then acknowledged until Pulang has answered. Killed at any
    moment it goes on where its store says that it is.
    """

    def __init__(
        self,
        store: Store[Db],
        source: Source,
        handlers: Mapping[str, Handler[Db]],
        *,
        delete_case: Deleting[Db],
        delete_identity: Deleting[Db],
        troubled: Troubled | None = None,
    ) -> None:
        """`handlers`: by type of event (`pulang.stay.checked_in.v1`), `ANY` for each of them; types without one count
        in the order and have no effect. Where a handler raises, or a version is told nowhere, the event's subject is
        set aside, `troubled` hears of it, and the others go on; it is tried again at each start and all ten minutes."""
        self._store = store
        self._source = source
        self._applying = Applying(store, handlers, delete_case, delete_identity, source.gapless, troubled)
        self._owing = asyncio.Event()
        self._reader: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None
        self._stopped = False

    @property
    def finds_gaps(self) -> bool:
        """Whether a missing version is noticed: not where only some types of events are asked for."""
        return self._source.gapless

    def run(self, until_idle: float | None = None) -> Report:
        """Follow until SIGTERM, Ctrl-C (on the main thread) or `stop`, or until nothing came for so many seconds.

        Raises Refused and Unreadable; HandlerFailed where a deletion fails; HandlerFailed and GapFound where too many
        subjects would be set aside; and what the store raises. Where Pulang does not answer it waits and tries again,
        without an end.
        """

        async def begin() -> Report:
            if threading.current_thread() is threading.main_thread():
                for number in (signal.SIGTERM, signal.SIGINT):
                    with suppress(NotImplementedError):  # Windows
                        asyncio.get_running_loop().add_signal_handler(number, self.stop)
            return await self.follow(until_idle)

        return asyncio.run(begin())

    async def follow(self, until_idle: float | None = None) -> Report:
        """As `run`, within your own event loop. Handlers run on it, a batch at a time."""
        if not self.finds_gaps:
            _log.warning("only some types of events are asked for: what is missing among them is not noticed")
        self._applying.report = Report()
        self._owing = asyncio.Event()
        reader = asyncio.create_task(self._read(until_idle), name="subscriber-read")
        clerk = asyncio.create_task(self._keep_acknowledging(), name="subscriber-acknowledge")
        self._reader = asyncio.get_running_loop(), reader
        try:
            try:
                if self._stopped:
                    reader.cancel()
                await asyncio.wait({reader, clerk}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                reader.cancel()
                clerk.cancel()
                await asyncio.wait({reader, clerk})
            for one in (clerk, reader):
                if not one.cancelled():
                    one.result()
            if not self._stopped:
                await self._send_owed()
        finally:
            await self._source.close()
        report = self._applying.report
        report.owed = len(self._applying.owed(10_000))
        report.aside = len(self._applying.aside())
        return report

    def stop(self) -> None:
        """End the run after the batch in hand. From any thread; it is not started again."""
        self._stopped = True
        if self._reader is not None:
            loop, reader = self._reader
            with suppress(RuntimeError):  # that run has ended
                loop.call_soon_threadsafe(reader.cancel)

    async def _read(self, until_idle: float | None) -> None:
        clock = asyncio.get_running_loop().time
        positions = self._applying.positions()
        self._owing.set()
        heard, due = clock(), 0.0
        while True:
            if clock() >= due:
                await self._try_again()
                due = clock() + TRIED_AGAIN_SECONDS
            left = WAIT_SECONDS if until_idle is None else max(heard + until_idle - clock(), 0.0)
            wait_seconds = min(left, WAIT_SECONDS)
            batch = await _patiently(lambda: self._source.next(positions, wait_seconds))  # noqa: B023
            after = {name: text for name, text in {**positions, **batch.positions}.items() if text is not None}
            if batch.events or after != positions:
                await self._take(batch)
                positions, heard = after, clock()
            elif until_idle is not None and clock() >= heard + until_idle:
                return

    async def _take(self, batch: Batch) -> None:
        """Where something is missing it is looked up in the feed, outside of any transaction."""
        events, looked_up = batch.events, -1
        while (stuck := self._applying.apply(events, batch.positions)) is not None:
            self._owing.set()
            event, events = events[stuck], events[stuck:]
            if looked_up == len(events):
                self._applying.set_aside(GapFound(event))
                continue
            looked_up = len(events)
            _log.warning("versions before %s of %s were not told: they are looked up", event.id, event.source)
            await self._look_back(event.subject)
        self._owing.set()

    async def _try_again(self) -> None:
        for subject in self._applying.aside():
            await self._look_back(subject)

    async def _look_back(self, subject: str) -> None:
        self._applying.look_back(subject, await _patiently(lambda: self._source.history(subject)))
        self._owing.set()

    async def _keep_acknowledging(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            await self._owing.wait()
            self._owing.clear()
            after = await self._send_owed()
            if after is None:
                pause = FIRST_PAUSE_SECONDS
                continue
            self._owing.set()
            await asyncio.sleep(_spread(max(pause, after)))
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _send_owed(self) -> float | None:
        """Acknowledge what is carried out. None where all is answered, else seconds to wait before the next try."""
        refused: dict[str, str] = {}
        while owed := [one for one in self._applying.owed(_AT_ONCE + len(refused)) if one not in refused]:
            if not self._store.purge():
                return 0.0  # somebody reads the store as it was before the deletion
            answered: list[str] = []
            try:
                for event_id in owed:
                    try:
                        await self._source.acknowledge(event_id)
                        answered.append(event_id)
                    except (Refused, Unreadable) as reason:
                        refused[event_id] = str(reason)
            except Unreachable as away:
                _log.warning("deletions are not acknowledged yet: %s", away)
                return away.after_seconds
            finally:
                self._applying.settle(answered)
        if refused:
            _log.error("%d acknowledgements are refused, such as: %s", len(refused), next(iter(refused.values())))
            return 0.0
        return None


async def _patiently(question: Callable[[], Awaitable[Answer]]) -> Answer:
    """Its answer, whenever it comes."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await question()
        except Unreachable as away:
            seconds = _spread(max(pause, away.after_seconds))
            _log.warning("%s: tried again in %.1f s", away, seconds)
        await asyncio.sleep(seconds)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def _spread(seconds: float) -> float:
    """A little later, each time another little: those who were sent away together are not to come back together."""
    return seconds * random.uniform(1.0, 1.25)  # noqa: S311
