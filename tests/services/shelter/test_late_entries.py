"""What is entered late is decided as if it had been entered in time."""

from typing import Any

from tests.services.shelter.house import House, wrong
from tests.world import Pulang

STANDING = [("2020-01-10", "2020-01-20"), ("2020-02-01", None)]
"""A stay that is over, and one that goes on, in the only bed."""
LATE = [
    ("over before the first", "2020-01-02", "2020-01-10", 201),
    ("not over before the first", "2020-01-02", "2020-01-11", 409),
    ("never over", "2020-01-02", None, 409),
    ("inside a stay", "2020-01-12", "2020-01-13", 409),
    ("on the night of the check-out, up to the next", "2020-01-20", "2020-02-01", 201),
    ("between the two, never over", "2020-01-25", None, 409),
    ("while the other is here", "2020-02-03", "2020-02-04", 409),
    ("after the other came", "2020-03-01", None, 409),
]


def departing(until: str | None) -> dict[str, Any]:
    return {"departure": {"on": until, "reason": "transferred"}} if until else {}


async def test_late_entries(pulang: Pulang) -> None:
    house = await House.opened(pulang, rooms=[{"name": "I", "type": "isolation", "beds": len(LATE)}])
    people = iter(await house.guests("MFM" * len(LATE)))
    for bed, (story, first, until, status) in zip((await house.beds())["I"], LATE, strict=True):
        for begins, ends in STANDING:
            standing = {"case_id": next(people), "bed_id": bed} | departing(ends)
            assert (await house.check_in(begins, standing)).status_code == 201
        answer = await house.check_in(first, {"case_id": next(people), "bed_id": bed} | departing(until))
        assert answer.status_code == status, story
        if status == 409:
            assert wrong(answer) == (409, "bed-taken", ["#/people/0/bed_id"]), story
        else:
            assert answer.json()["stays"][0]["status"] == "checked_out"


async def test_a_person_is_in_one_place(pulang: Pulang) -> None:
    house = await House.opened(pulang, rooms=[{"name": "I", "type": "isolation", "beds": 2 * len(LATE)}])
    for person, (story, first, until, status) in zip(await house.guests("M" * len(LATE)), LATE, strict=True):
        for begins, ends in STANDING:
            await house.slept(person, "isolation", begins, ends)
        late = {"case_id": person, "room_type": "isolation"} | departing(until)
        answer = await house.check_in(first, late)
        assert answer.status_code == status, story
        assert len(await house.stays(case_id=person)) == (3 if status == 201 else 2), story


async def test_a_late_check_out_frees_the_nights_after_it(house: House) -> None:
    first, second, third = await house.guests("MMM")
    for case in (first, second):
        await house.slept(case, "male", "2020-01-02")
    assert wrong(await house.check_in("2020-01-05", {"case_id": third, "room_type": "male"}))[0] == 409
    await house.check_out("2020-01-04", {"case_id": first})
    await house.slept(third, "male", "2020-01-05")
    assert [(await house.night(f"2020-01-0{day}"))["taken"] for day in range(1, 7)] == [0, 2, 2, 1, 2, 2]


async def test_a_departure_before_the_arrival_or_to_come_is_refused(house: House) -> None:
    (man,) = await house.guests("M")
    for on in ("2020-01-02", "2020-01-01", "2999-01-01"):
        person = {"case_id": man, "room_type": "male", "departure": {"on": on, "reason": "left"}}
        answer = await house.check_in("2020-01-02", person)
        assert wrong(answer) == (422, "impossible-date", ["#/people/0/departure/on"]), on
