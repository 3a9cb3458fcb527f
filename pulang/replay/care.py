"""The counselling sessions of the stays. Their dates are the replay's choice."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from pulang.replay.scene import Scene
from pulang.replay.season import Person

SESSIONS = 200
"""In one request, at most."""
ENTERED_EVERY_DAYS = 7
KIND = "individual"


def session_days(person: Person, last_day: date) -> list[date]:
    """The days of a person's sessions, spread over the stay, several a day where there are more sessions than days.

    The day of check-out counts as none of the stay; who is still resident stays until `last_day`.
    """
    end = max(last_day, person.check_in) + timedelta(days=1)
    nights = (min(person.check_out or end, end) - person.check_in).days
    spread = 2 * max(person.sessions, 1)
    return [person.check_in + timedelta(days=(2 * n + 1) * nights // spread) for n in range(person.sessions)]


async def keep_sessions(scene: Scene, shelter: str) -> None:
    """The counsellors of one shelter: once a week they enter the sessions of that week."""
    weeks: dict[date, list[dict[str, Any]]] = defaultdict(list)
    people: dict[str, Person] = {}
    for person, session in _sessions(scene, shelter):
        weeks[_week(session["on"])].append(session)
        people[session["id"]] = person
    counsellor = scene.at(shelter, "counsellor")
    for end, sessions in sorted(weeks.items()):
        await scene.pace.until(end, shelter)
        for start in range(0, len(sessions), SESSIONS):
            part = sessions[start : start + SESSIONS]
            for session in part:
                session["case_id"] = scene.cases[people[session["id"]].row]
            await scene.api.post("/psychosocial/sessions", counsellor, {"sessions": part})
            scene.progress.advance("care", len(part))


def _sessions(scene: Scene, shelter: str) -> Iterator[tuple[Person, dict[str, Any]]]:
    for person in scene.season.people:
        if person.shelter != shelter:
            continue
        for number, on in enumerate(session_days(person, scene.season.last_day), 1):
            session = scene.season.id("session", person.row, number)
            if session not in scene.known.sessions:
                yield person, {"id": session, "layer": person.care_layer, "kind": KIND, "on": on}


def _week(day: date) -> date:
    """The last day of the day's week."""
    return day + timedelta(days=ENTERED_EVERY_DAYS - 1 - day.weekday())
