"""Arrival: a manifest a day and post, screening, consent, referral, and the shelter's yes."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pulang.complaint import Complaint
from pulang.replay.identifying import identify
from pulang.replay.scene import Scene
from pulang.replay.season import Person
from shared.codes import MINOR_BANDS, age_band

AHEAD = timedelta(days=30)
"""How far arrivals may run ahead of the slowest shelter."""
MANIFESTS_AT_ONCE = 4
ROWS = 1000
"""People in one request, at most."""
GUARDIAN = {"name": "Wali (contoh)", "relation": "orang tua"}
WITNESS = "Saksi (contoh)"


async def arrivals(scene: Scene) -> None:
    """Everyone, in order of arrival, some manifests at once."""
    slots = asyncio.Semaphore(MANIFESTS_AT_ONCE)
    for (day, point), people in scene.season.manifests().items():
        if day - date.min > AHEAD:
            await scene.pace.until(day - AHEAD)
        await slots.acquire()
        scene.tasks.create_task(_arrive(scene, slots, day, point, people))


async def _arrive(scene: Scene, slots: asyncio.Semaphore, day: date, point: str, people: Sequence[Person]) -> None:
    await _register(scene, day, point, people)
    async with asyncio.TaskGroup() as together:
        for person in people:
            together.create_task(_screen_and_ask(scene, person))
    referred: dict[str, list[Person]] = defaultdict(list)
    housed: list[Person] = []
    for person in people:
        if scene.stay_id(person) in scene.known.stays:
            housed.append(person)
            scene.accepted.tick((person.shelter, person.check_in))
            if scene.referred.tick((person.shelter, day)):
                scene.tasks.create_task(_accept(scene, day, person.shelter))
        else:
            referred[person.shelter].append(person)
    slots.release()
    scene.tasks.create_task(identify(scene, housed))
    for shelter, group in referred.items():
        for start in range(0, len(group), ROWS // 2):
            scene.tasks.create_task(_refer(scene, day, point, shelter, group[start : start + ROWS // 2]))


async def _register(scene: Scene, day: date, point: str, people: Sequence[Person]) -> None:
    for person in people:
        if (case_id := scene.known.case_id(person.row)) is not None:
            scene.cases[person.row] = case_id
    new = [person for person in people if person.row not in scene.cases]
    for start in range(0, len(new), ROWS):
        part = new[start : start + ROWS]
        twice = await _send(scene, day, point, part, {})
        if twice:
            anyway = {person.row: await _is_another(scene, person, case_id) for person, case_id in twice}
            left = await _send(scene, day, point, [person for person, _ in twice], anyway)
            if left:
                raise Complaint(_known_elsewhere(left[0][0]))


async def _send(
    scene: Scene, day: date, point: str, people: Sequence[Person], anyway: Mapping[int, bool]
) -> list[tuple[Person, str]]:
    """Put people on the manifest; those whom intake takes for a person it knows, with the case it means."""
    body = {
        "id": scene.season.id("manifest", day, point),
        "arrival_point": point,
        "arrival_date": day,
        "rows": [_row(person, anyway.get(person.row, False)) for person in people],
    }
    answer = await scene.api.post("/intake/manifests", scene.officer(point), body)
    twice = []
    for person, result in zip(people, answer["rows"], strict=True):
        if result["status"] == "registered":
            scene.cases[person.row] = result["case_id"]
        elif result["status"] == "duplicate":
            twice.append((person, result["case_id"]))
        else:
            fault = result["errors"][0]
            raise Complaint(
                f"caseload.csv, row {person.row}: intake cannot read {fault.get('pointer', 'it')}: {fault['detail']}"
            )
    return twice


async def _is_another(scene: Scene, person: Person, case_id: str) -> bool:
    """Whether this is another person than the one that intake takes them for: every row of a caseload is one.

    Unless that one was home before this arrival, and comes again: then the earlier case is closed first.
    """
    earlier = next((row for row, known in scene.cases.items() if known == case_id), None)
    if earlier is None:
        raise Complaint(_known_elsewhere(person))
    home = scene.season.people[earlier - 1].returned_home
    if home is None or home > person.arrival_date:
        return True
    await scene.closed[earlier].wait()
    return False


def _known_elsewhere(person: Person) -> str:
    return (
        f"caseload.csv, row {person.row} is a person whom this Pulang knows already, not from this season: "
        "play the season on a data folder of its own"
    )


def _row(person: Person, anyway: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"row_key": str(person.row), "name": person.name, "sex": person.sex}
    if person.document_type is not None:
        row["document"] = {"type": person.document_type}
        if person.document_number is not None:
            row["document"]["number"] = person.document_number
    for name in ("birth_date", "nik", "origin_regency", "destination_country"):
        if (value := getattr(person, name)) is not None:
            row[name] = value
    if anyway:
        row["register_anyway"] = True
    return row


async def _screen_and_ask(scene: Scene, person: Person) -> None:
    """Screening, then consent: each once, also where an earlier replay was cut off between request and answer."""
    known: Mapping[str, Any] = scene.known.cases.get(person.row, {})
    case_id, officer = scene.cases[person.row], scene.officer(person.arrival_point)
    path = f"/intake/cases/{case_id}"
    screened, asked = known.get("trafficking_status") is not None, bool(known.get("consent_recorded"))
    if person.row in scene.identified and known.get("trafficking_status") == person.trafficking_status:
        scene.identified[person.row].set()
    elif not screened or person.row in scene.identified:  # one that was screened before is answered as it stands
        body = _screening(person) | {"id": scene.season.id("s", case_id)}
        answer = await scene.api.post(f"{path}/screenings", officer, body)
        if "approval" in answer:
            scene.proposed[person.row] = answer["approval"]
    if not asked and person.consents:
        await scene.api.post(f"{path}/consents", officer, _consent(person) | {"id": scene.season.id("c", case_id)})
    if not (screened and asked):
        scene.progress.advance("arrival")


def _screening(person: Person) -> dict[str, Any]:
    return {
        "trafficking_status": person.trafficking_status,
        "methods_of_control": person.methods_of_control,
        "types_of_exploitation": person.types_of_exploitation,
        "gender_based_violence": person.gender_based_violence,
        "pregnant": person.pregnant,
        "disability": person.disability,
        "needs": ["isolation"] if person.health_isolation else [],
        "care_layer": person.care_layer,
        "occurred_at": person.arrival_date,
    }


def _consent(person: Person) -> dict[str, Any]:
    born = person.birth_date
    minor = born is not None and age_band(born, person.arrival_date) in MINOR_BANDS
    return {
        "decisions": [
            {"agency": agency, "level": "identified" if identified else "pseudonymous"}
            for agency, identified in person.consents.items()
        ],
        "given_by": "guardian" if minor else "person",
        "witness": WITNESS,
        "occurred_at": person.arrival_date,
    } | ({"guardian": GUARDIAN} if minor else {})


async def _refer(scene: Scene, day: date, point: str, shelter: str, people: Sequence[Person]) -> None:
    """The post asks; once every post has asked for that day, the shelter says yes."""
    asked = await scene.api.post(
        "/intake/referrals",
        scene.officer(point),
        {"facility": shelter, "cases": [scene.cases[person.row] for person in people], "occurred_at": day},
        haste=True,
    )
    for person, referral in zip(people, asked["referrals"], strict=True):
        scene.referrals[person.row] = referral["referral_id"]
    scene.tasks.create_task(identify(scene, people))
    if scene.referred.tick((shelter, day), len(people)):
        await _accept(scene, day, shelter)


async def _accept(scene: Scene, day: date, shelter: str) -> None:
    arrived = [one for one in scene.season.people if one.shelter == shelter and one.arrival_date == day]
    people = [person for person in arrived if person.row in scene.referrals]
    for start in range(0, len(people), ROWS // 2):
        part = people[start : start + ROWS // 2]
        referrals = [scene.referrals[person.row] for person in part]
        body = {"facility": shelter, "referrals": referrals, "occurred_at": day}
        staff = scene.at(shelter, "shelter_staff")
        await scene.api.post("/shelter/referrals/acceptance", staff, body, haste=True, news=True)
        for person in part:
            scene.accepted.tick((shelter, person.check_in))
