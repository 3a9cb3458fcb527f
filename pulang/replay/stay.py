"""The stays: each shelter day by day, check-outs before check-ins, for its rooms fill to the last bed."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from pulang.replay.aid import issue_kits
from pulang.replay.home import go_home
from pulang.replay.scene import Scene
from pulang.replay.season import Person

PEOPLE = 500
"""In one request, at most."""


async def keep_shelter(scene: Scene, shelter: str) -> None:
    """All days of one shelter."""
    coming: dict[date, list[Person]] = defaultdict(list)
    leaving: dict[date, list[Person]] = defaultdict(list)
    for person in scene.season.people:
        if person.shelter == shelter:
            coming[person.check_in].append(person)
            if person.check_out is not None:
                leaving[person.check_out].append(person)
    for day in sorted({*coming, *leaving}):
        await scene.pace.reached(shelter, day - timedelta(days=1))
        if day in leaving:
            await _check_out(scene, shelter, day, leaving[day])
            scene.tasks.create_task(go_home(scene, shelter, day, leaving[day]))
        if day in coming:
            await scene.accepted.wait((shelter, day))
            await _check_in(scene, shelter, day, coming[day])
            scene.tasks.create_task(issue_kits(scene, shelter, day, coming[day]))
    await scene.pace.reached(shelter, date.max)


async def _check_in(scene: Scene, shelter: str, day: date, people: Sequence[Person]) -> None:
    new = [person for person in people if scene.stay_id(person) not in scene.known.stays]
    for part in parts(new, PEOPLE):
        group = [
            {"case_id": scene.cases[person.row], "stay_id": scene.stay_id(person), "room_type": person.room_type}
            for person in part
        ]
        await scene.api.post(
            "/shelter/stays/check-in",
            scene.at(shelter, "shelter_staff"),
            {"facility": shelter, "on": day, "people": group},
            haste=True,
        )
        scene.progress.advance("stay", len(part))


async def _check_out(scene: Scene, shelter: str, day: date, people: Sequence[Person]) -> None:
    staying = [person for person in people if scene.known.stays.get(scene.stay_id(person)) != "checked_out"]
    for part in parts(staying, PEOPLE):
        body = {
            "facility": shelter,
            "on": day,
            "reason": "return_home",
            "people": [{"stay_id": scene.stay_id(person)} for person in part],
        }
        await scene.api.post("/shelter/stays/check-out", scene.at(shelter, "shelter_staff"), body, haste=True)


def parts(people: Sequence[Person], size: int) -> Iterator[Sequence[Person]]:
    """The people in groups of at most `size`."""
    for start in range(0, len(people), size):
        yield people[start : start + size]
