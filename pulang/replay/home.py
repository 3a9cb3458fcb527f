"""The way home: one trip a shelter and day, arrivals as people are handed over, and the cases closed."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from pulang.replay.scene import Scene
from pulang.replay.season import Person

PEOPLE = 500
"""In one request, at most."""


async def go_home(scene: Scene, shelter: str, day: date, people: Sequence[Person]) -> None:
    """Everyone who left the shelter on that day."""
    for number, start in enumerate(range(0, len(people), PEOPLE)):
        await _travel(scene, shelter, day, number, people[start : start + PEOPLE])


async def _travel(scene: Scene, shelter: str, day: date, number: int, people: Sequence[Person]) -> None:
    staff = scene.at(shelter, "shelter_staff")
    trip = scene.season.id("trip", shelter, day, number)
    if any(_status(scene, person) not in ("departed", "arrived") for person in people):
        seats = [
            {"case_id": scene.cases[person.row], "regency": person.origin_regency or _regency(scene, shelter)}
            for person in people
        ]
        body = {"id": trip, "mode": "ship", "from_facility": shelter, "departs_on": day, "people": seats}
        planned = await scene.api.post("/intake/trips", staff, body | {"occurred_at": day})
        if planned["status"] == "planned":
            await scene.api.post(f"/intake/trips/{trip}/departure", staff, {"occurred_at": day})
    handed_over: dict[date, list[Person]] = defaultdict(list)
    for person in people:
        if person.returned_home is not None:
            handed_over[person.returned_home].append(person)
    for when, group in sorted(handed_over.items()):
        new = [person for person in group if _status(scene, person) != "arrived"]
        if new:
            cases = [scene.cases[person.row] for person in new]
            await scene.api.post(f"/intake/trips/{trip}/arrivals", staff, {"cases": cases, "occurred_at": when})
            scene.progress.advance("home", len(new))
        agency = scene.season.shelters[shelter].agency
        if scene.arriving.tick((agency, when), len(group)):
            scene.tasks.create_task(_close(scene, agency, when))


async def _close(scene: Scene, agency: str, when: date) -> None:
    """The supervisor closes the cases of all who came home on that day; nobody's while it waits for approval who they
    are, which a closing would end."""
    people = [one for one in scene.season.people if one.returned_home == when and scene.agency(one) == agency]
    still_open = [one for one in people if scene.known.cases.get(one.row, {}).get("status") != "closed"]
    for person in still_open:
        if person.row in scene.identified:
            await scene.identified[person.row].wait()
    for start in range(0, len(still_open), PEOPLE):
        cases = [scene.cases[person.row] for person in still_open[start : start + PEOPLE]]
        supervisor = scene.api.tokens.bearer(agency, "supervisor")
        body = {"outcome": "returned", "cases": cases, "occurred_at": when}
        await scene.api.post("/intake/closures", supervisor, body)
    for person in people:
        scene.closed[person.row].set()


def _status(scene: Scene, person: Person) -> str:
    return str(scene.known.cases.get(person.row, {}).get("return_status", "none"))


def _regency(scene: Scene, shelter: str) -> str:
    """Who gave no regency of origin is handed over where the shelter stands."""
    return scene.season.shelters[shelter].regency
