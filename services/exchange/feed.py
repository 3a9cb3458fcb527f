"""The feed: an agency's log from a position on, waiting for news where there is none."""

import asyncio
import contextlib
from collections.abc import Mapping
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.models import Agency, LogHead
from services.exchange.queries import EVERYTHING, Choice, Stretch, read_log
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.database.protocol import DatabaseUnavailable
from shared.tasks import why_ended
from shared.work import Desk

LOOK_SECONDS = 1.0
"""Another replica's commit wakes nobody here: so often is looked, once for all who wait."""
GATHER_SECONDS = 0.02
"""Commits within it are looked at together."""
EMPTY_STRETCHES = 20
"""How many stretches without an event are passed in one answer."""

_AGENCY = table_of(Agency)
_HEAD = table_of(LogHead)
_ENDS = Prepared(
    select(_AGENCY.c.agency, _AGENCY.c.last, select(_HEAD.c.directory).scalar_subquery().label("directory"))
)


End = tuple[int, int]
"""The last position of an agency's log, and the version of the directory."""


class Bells:
    """A bell for each agency that somebody reads. Whoever took the next ring before looking misses no news."""

    def __init__(self) -> None:
        self._next: dict[str, asyncio.Event] = {}
        self._ends: Mapping[str, End] = {}

    def next(self, agency: str) -> asyncio.Event:
        return self._next.setdefault(agency, asyncio.Event())

    @property
    def awaited(self) -> bool:
        """Whether anybody has asked for a bell that has not rung yet."""
        return bool(self._next)

    def ring(self) -> None:
        """Everyone who waits wakes."""
        rung, self._next = self._next, {}
        for bell in rung.values():
            bell.set()

    def ring_where_new(self, ends: Mapping[str, End]) -> None:
        """Of agencies whose log has grown since the last ends, or about whom something was decided anew: one may have
        left. A stranger's bell is rung to be rid of it."""
        for agency in sorted(self._next):
            if agency not in ends or self._ends.get(agency) != ends[agency]:
                self._next.pop(agency).set()
        self._ends = ends


class Feed:
    """Long polls over the agencies' logs."""

    def __init__(self, desk: Desk, directory: Directory) -> None:
        self._desk = desk
        self.directory = directory
        self._bells = Bells()
        self._stopping = False
        self._committed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        desk.listeners.append(self._look)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._watch(), name="exchange-feed")

    async def stop(self) -> None:
        """Whoever waits gets an empty answer now."""
        self._stopping = True
        self._committed.set()
        self._bells.ring()
        if self._task is not None:
            await asyncio.wait([self._task])

    def failed(self) -> BaseException | None:
        """Why it ended, where it did so by itself."""
        return why_ended(self._task)

    def _look(self, recorded: bool) -> None:
        """Rows of the logs are no events of exchange's own: any commit may have brought some."""
        self._committed.set()

    async def _watch(self) -> None:
        """One question for all who wait, however many, and however many commits there were."""
        while not self._stopping:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._committed.wait(), LOOK_SECONDS)
            self._committed.clear()
            if self._bells.awaited:
                try:
                    self._bells.ring_where_new(await self._desk.glance(_ends))
                except DatabaseUnavailable:
                    self._bells.ring()  # who waits is told so where they ask themselves
                await asyncio.sleep(GATHER_SECONDS)

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

    async def page(self, agency: str, after: int, limit: int, choice: Choice) -> Stretch:
        """The next rows at once, for who reads much: nobody else waits for it. Raises NoPolicy, DatabaseUnavailable."""
        return await self._desk.study(
            partial(read_log, directory=self.directory, agency=agency, after=after, limit=limit, choice=choice)
        )

    async def end(self, agency: str) -> int:
        """The last position of the agency's log. Raises DatabaseUnavailable."""
        return (await self._desk.glance(_ends)).get(agency, (0, 0))[0]

    async def _next(self, agency: str, after: int, limit: int, deadline: float, choice: Choice) -> Stretch:
        """The next stretch that has rows; an empty one at the deadline."""
        loop = asyncio.get_running_loop()
        while True:
            bell = self._bells.next(agency)
            stretch = await self._desk.read(
                partial(read_log, directory=self.directory, agency=agency, after=after, limit=limit, choice=choice)
            )
            after = stretch.last
            left = deadline - loop.time()
            if stretch.events or stretch.full or left <= 0 or self._stopping:
                return stretch
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), left)


def _ends(session: Session) -> dict[str, End]:
    return {row.agency: (row.last, row.directory) for row in _ENDS.all(session)}
