"""Many want the last bed at once."""

import asyncio
from collections import Counter

from tests.services.shelter.house import House, told
from tests.world import Pulang

CROWD = 24


async def test_the_last_bed_is_given_once(pulang: Pulang) -> None:
    house = await House.opened(pulang, rooms=[{"name": "M1", "type": "male", "beds": 1}])
    people = await house.guests("M" * CROWD)
    answers = await asyncio.gather(
        *(house.check_in("2020-01-02", {"case_id": case, "room_type": "male"}) for case in people)
    )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CROWD - 1}
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {"/problems/no-bed-free"}
    assert (await house.night("2020-01-02"))["taken"] == 1
    assert len(told(pulang, "stay.checked_in")) == 1


async def test_a_named_bed_is_given_once_and_a_person_has_one(house: House) -> None:
    people = await house.guests("M" * 6)
    bed = (await house.beds())["M1"][0]
    answers = await asyncio.gather(
        *(house.check_in("2020-01-02", {"case_id": case, "bed_id": bed}) for case in people),
        *(house.check_in("2020-01-02", {"case_id": people[0], "room_type": "family"}) for _ in range(6)),
    )
    named, same = answers[:6], answers[6:]
    assert sum(answer.status_code == 201 for answer in named) <= 1
    assert {answer.status_code for answer in (*named, *same)} <= {201, 409}
    stays = await house.stays()
    assert Counter(stay["case_id"] for stay in stays)[people[0]] == 1
    assert Counter(stay["segments"][0]["bed_id"] for stay in stays)[bed] <= 1


async def test_groups_that_do_not_fit_together_leave_one_of_them(house: House) -> None:
    people = await house.guests("M" * 4)
    answers = await asyncio.gather(
        *(
            house.check_in("2020-01-02", *({"case_id": case, "room_type": "male"} for case in pair))
            for pair in (people[:2], people[2:])
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(await house.stays()) == 2
