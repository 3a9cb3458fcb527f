"""What the parts of the replay share: the season, the connection, who is known by which case, and how far days are."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from pulang.client import Bearer
from pulang.replay.api import Api
from pulang.replay.known import Known
from pulang.replay.progress import Progress
from pulang.replay.season import Person, Season


class Pace:
    """The last day that each shelter has behind it."""

    def __init__(self, shelters: Iterable[str]) -> None:
        self._days = dict.fromkeys(shelters, date.min)
        self._moved = asyncio.Condition()

    async def reached(self, shelter: str, day: date) -> None:
        async with self._moved:
            self._days[shelter] = day
            self._moved.notify_all()

    async def until(self, day: date, shelter: str | None = None) -> None:
        """Until the shelter, or every one, has that day behind it."""
        async with self._moved:
            await self._moved.wait_for(
                lambda: (min(self._days.values()) if shelter is None else self._days[shelter]) >= day
            )


class Countdown:
    """Groups of things that are waited for until the last of the group is done."""

    def __init__(self, totals: Counter[tuple[str, date]]) -> None:
        self._left = Counter(totals)
        self._done = {group: asyncio.Event() for group in totals}

    def tick(self, group: tuple[str, date], by: int = 1) -> bool:
        """True for the last of the group."""
        self._left[group] -= by
        if self._left[group] > 0:
            return False
        self._done[group].set()
        return True

    async def wait(self, group: tuple[str, date]) -> None:
        if group in self._done:
            await self._done[group].wait()


@dataclass(slots=True)
class Scene:
    """One replay at work."""

    season: Season
    api: Api
    known: Known
    progress: Progress
    tasks: asyncio.TaskGroup
    pace: Pace
    """Of the shelters."""
    supplied: Pace
    """Of the stores: up to and with that day, all that came and went has been entered."""
    referred: Countdown
    """Of the people who arrive, by shelter and day: those for whom the shelter was not asked yet."""
    accepted: Countdown
    """Of the people who check in, by shelter and day: those whom the shelter has not accepted yet."""
    arriving: Countdown
    """Of the people who arrive at home, by agency of their shelter and day: those who have not."""
    closed: dict[int, asyncio.Event]
    """By row, of those who arrive at home."""
    identified: dict[int, asyncio.Event]
    """By row, of those whom a screening finds to be victims."""
    proposed: dict[int, str] = field(default_factory=dict)
    """By row, what waits for a supervisor's approval of that."""
    cases: dict[int, str] = field(default_factory=dict)
    """Case id by row."""
    referrals: dict[int, str] = field(default_factory=dict)
    """Referral id by row, of those who wait for the shelter's yes."""

    def officer(self, point: str) -> Bearer:
        """The arrival officer at a post."""
        return self.api.tokens.bearer(self.season.arrival_points[point].agency, "arrival_officer", point)

    def at(self, shelter: str, role: str) -> Bearer:
        """Somebody with a role at a shelter."""
        return self.api.tokens.bearer(self.season.shelters[shelter].agency, role, shelter)

    def stay_id(self, person: Person) -> str:
        return self.season.id("stay", person.row)

    def agency(self, person: Person) -> str:
        """Who runs the person's shelter."""
        return self.season.shelters[person.shelter].agency
