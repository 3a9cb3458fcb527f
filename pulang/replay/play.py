"""The whole replay: arrivals, stays, goods, care and the ways home side by side, each waiting only for what it needs.

Ids are made from the season, so that every step can be sent again; what is there already is asked first and left out.
"""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

from pulang.complaint import Complaint
from pulang.replay.aid import STORES, keep_stores, shipments_of
from pulang.replay.api import Api
from pulang.replay.arrival import arrivals
from pulang.replay.care import keep_sessions
from pulang.replay.known import Known, what_is_known
from pulang.replay.opening import open_places
from pulang.replay.progress import Progress
from pulang.replay.scene import Countdown, Pace, Scene
from pulang.replay.season import Season
from pulang.replay.stay import keep_shelter
from shared.codes import TraffickingStatus

ACTUAL = TraffickingStatus.ACTUAL


@dataclass(frozen=True, slots=True)
class Replayed:
    """What it took."""

    requests: int
    seconds: float


async def replay(season: Season, api: Api, progress: Progress) -> Replayed:
    """Play what is not there yet. Raises Complaint; then it can be run again, and goes on."""
    began = time.monotonic()
    shipments = shipments_of(season)
    await open_places(api, season)
    known = await what_is_known(api, season)
    _expect(season, known, progress)
    try:
        async with asyncio.TaskGroup() as tasks:
            scene = _scene(season, api, known, progress, tasks)
            tasks.create_task(arrivals(scene))
            tasks.create_task(keep_stores(scene, shipments))
            for shelter in season.shelters:
                tasks.create_task(keep_shelter(scene, shelter))
                tasks.create_task(keep_sessions(scene, shelter))
    except BaseExceptionGroup as group:
        raise _first(group) from None
    return Replayed(api.requests, time.monotonic() - began)


def _scene(season: Season, api: Api, known: Known, progress: Progress, tasks: asyncio.TaskGroup) -> Scene:
    at_home = [person for person in season.people if person.returned_home is not None]
    return Scene(
        season=season,
        api=api,
        known=known,
        progress=progress,
        tasks=tasks,
        pace=Pace(season.shelters),
        supplied=Pace((STORES,)),
        referred=Countdown(Counter((person.shelter, person.arrival_date) for person in season.people)),
        accepted=Countdown(Counter((person.shelter, person.check_in) for person in season.people)),
        arriving=Countdown(
            Counter((season.shelters[one.shelter].agency, one.returned_home) for one in at_home if one.returned_home)
        ),
        closed={person.row: asyncio.Event() for person in at_home},
        identified={one.row: asyncio.Event() for one in season.people if one.trafficking_status == ACTUAL},
    )


def _expect(season: Season, known: Known, progress: Progress) -> None:
    cases = known.cases.values()
    entered = sum(1 for case in cases if case.get("trafficking_status") and case.get("consent_recorded"))
    progress.expect("arrival", len(season.people), entered)
    stays = sum(1 for person in season.people if season.id("stay", person.row) in known.stays)
    progress.expect("stay", len(season.people), stays)
    kits = [person for person in season.people if person.hygiene_kit]
    progress.expect("aid", len(kits), sum(1 for person in kits if season.id("kit", person.row) in known.issues))
    sessions = [season.id("session", one.row, n + 1) for one in season.people for n in range(one.sessions)]
    progress.expect("care", len(sessions), sum(1 for session in sessions if session in known.sessions))
    home = sum(1 for person in season.people if person.returned_home)
    progress.expect("home", home, sum(1 for case in cases if case.get("return_status") == "arrived"))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first; where a complaint is among it, the complaint."""
    leaves: list[BaseException] = []
    waiting: list[BaseException] = [group]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseExceptionGroup):
            waiting += one.exceptions
        else:
            leaves.append(one)
    return next((leaf for leaf in leaves if isinstance(leaf, Complaint)), leaves[0])
