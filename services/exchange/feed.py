"""The feed: an agency's log from a position on, waiting for news where there is none."""

import asyncio
import contextlib
from functools import partial

from services.exchange.directory import Directory
from services.exchange.queries import EVERYTHING, Choice, Stretch, read_log
from shared.work import Desk

LOOK_SECONDS = 1.0
"""Another replica's commit rings no bell here: so often a waiting reader looks by itself."""
EMPTY_STRETCHES = 20
"""How many stretches without an event are passed in one answer."""


class Bell:
    """Rung after each commit; whoever took the ring before looking misses no news."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def ring(self, recorded: bool = False) -> None:
        """Everyone who waits wakes."""
        rung, self._next = self._next, asyncio.Event()
        rung.set()

    def next(self) -> asyncio.Event:
        return self._next


class Feed:
    """Long polls over the agencies' logs."""

    def __init__(self, desk: Desk, directory: Directory) -> None:
        self._desk = desk
        self.directory = directory
        self._bell = Bell()
        self._stopping = False
        desk.listeners.append(self._bell.ring)

    async def start(self) -> None:
        """Nothing to start: it works when it is asked."""

    async def stop(self) -> None:
        """Whoever waits gets an empty answer now."""
        self._stopping = True
        self._bell.ring()

    def failed(self) -> BaseException | None:
        return None

    @property
    def stopping(self) -> bool:
        """Whether nobody may wait any more."""
        return self._stopping

    async def read(
        self, agency: str, after: int, limit: int, wait_seconds: float, choice: Choice = EVERYTHING
    ) -> Stretch:
        """The next events; empty after `wait_seconds` of nothing. Rows that show nothing any more are passed.

        Raises NoPolicy, also while it waits.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds
        for _ in range(EMPTY_STRETCHES):
            stretch = await self._next(agency, after, limit, deadline, choice)
            if stretch.events or not stretch.full:
                break
            after = stretch.last
        return stretch

    async def _next(self, agency: str, after: int, limit: int, deadline: float, choice: Choice) -> Stretch:
        """The next stretch that has rows; an empty one at the deadline."""
        loop = asyncio.get_running_loop()
        while True:
            ring = self._bell.next()
            stretch = await self._desk.read(
                partial(read_log, directory=self.directory, agency=agency, after=after, limit=limit, choice=choice)
            )
            after = stretch.last
            left = deadline - loop.time()
            if stretch.events or stretch.full or left <= 0 or self._stopping:
                return stretch
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ring.wait(), min(left, LOOK_SECONDS))
