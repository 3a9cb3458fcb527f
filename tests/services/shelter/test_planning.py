"""Beds that are held."""

import pytest

from tests.services.shelter.house import House, new_id, told, wrong


async def test_a_held_bed_waits_for_its_person(house: House) -> None:
    man, other, third = await house.guests("MMM")
    plan = {"case_id": man, "stay_id": new_id(), "room_type": "male", "from_date": "2020-01-05"}
    planned = (await house.plan(plan)).json()["stays"][0]
    assert (planned["status"], planned["segments"][0]["room"]) == ("planned", "M1")
    assert (await house.plan(plan)).json()["stays"][0] == planned, "a repeat is answered as it stands"
    assert await house.night("2020-01-05") == {"on": "2020-01-05", "beds": 6, "taken": 0, "held": 1}
    await house.slept(other, "male", "2020-01-05")
    assert [e["data"]["taken"] for e in told(house.pulang, "occupancy.changed")] == [1], (
        "who is held for sleeps elsewhere"
    )
    refused = await house.check_in("2020-01-04", {"case_id": third, "room_type": "male"})
    assert wrong(refused)[:2] == (409, "no-bed-free"), "the last bed is held from the fifth on"

    come = await house.check_in("2020-01-05", {"case_id": man, "stay_id": plan["stay_id"]})
    assert come.status_code == 201, come.text
    stay = come.json()["stays"][0]
    assert (stay["stay_id"], stay["status"], stay["segments"]) == (plan["stay_id"], "checked_in", planned["segments"])
    assert await house.night("2020-01-05") == {"on": "2020-01-05", "beds": 6, "taken": 2, "held": 0}
    assert [e["data"]["from_date"] for e in told(house.pulang, "stay.planned")] == ["2020-01-05"]
    assert (await house.plan(plan)).status_code == 201


async def test_who_comes_on_another_day_has_the_bed_from_then_on(house: House) -> None:
    man, woman = await house.guests("MF")
    early, late = new_id(), new_id()
    held = {"from_date": "2020-01-05", "until_date": "2020-01-10"}
    await house.plan(
        {"case_id": man, "stay_id": early, "room_type": "male"} | held,
        {"case_id": woman, "stay_id": late, "room_type": "female"} | held,
    )
    await house.check_in("2020-01-03", {"case_id": man, "stay_id": early})
    await house.check_in("2020-01-12", {"case_id": woman, "stay_id": late, "room_type": "family"})
    stays = {stay["stay_id"]: stay for stay in await house.stays()}
    assert (stays[early]["from_date"], "until_date" in stays[early]) == ("2020-01-03", False)
    assert [(s["room"], s["from_date"]) for s in stays[late]["segments"]] == [("K1", "2020-01-12")]


async def test_who_overstays_moves_to_a_bed_that_nobody_waits_for(house: House) -> None:
    man, next_one = await house.guests("MM")
    bed, other = (await house.beds())["M1"]
    stay_id = new_id()
    await house.plan(
        {"case_id": man, "stay_id": stay_id, "bed_id": bed, "from_date": "2020-01-05", "until_date": "2020-01-08"},
        {"case_id": next_one, "bed_id": bed, "from_date": "2020-01-08"},
    )
    come = await house.check_in("2020-01-05", {"case_id": man, "stay_id": stay_id})
    assert come.json()["stays"][0]["segments"][0]["bed_id"] == other
    assert (await house.night("2020-01-09"))["held"] == 1


@pytest.mark.parametrize(
    ("deed", "status", "event"), [("cancel", "cancelled", "stay.cancelled"), ("no-show", "no_show", "stay.no_show")]
)
async def test_a_plan_that_is_given_up_leaves_its_bed(house: House, deed: str, status: str, event: str) -> None:
    man, *others = await house.guests("MMM")
    plan = {"case_id": man, "stay_id": new_id(), "room_type": "male", "from_date": "2020-01-05"}
    await house.plan(plan)
    for _ in range(2):
        gone = await house.staff.post(f"/shelter/stays/{plan['stay_id']}/{deed}", {"occurred_at": "2020-01-06"})
        assert (gone.json()["status"], gone.json()["segments"]) == (status, [])
    assert [e["subject"] for e in told(house.pulang, event)] == [man]
    come = await house.check_in("2020-01-05", *({"case_id": case, "room_type": "male"} for case in others))
    assert come.status_code == 201
    again = await house.check_in("2020-01-07", {"case_id": man, "stay_id": plan["stay_id"], "room_type": "male"})
    assert wrong(again)[:2] == (409, "stay-is-over")


async def test_who_is_here_cannot_be_a_no_show_and_a_night_to_come_is_no_no_show(house: House) -> None:
    man, other = await house.guests("MM")
    stay_id = await house.slept(man, "male", "2020-01-02")
    here = await house.staff.post(f"/shelter/stays/{stay_id}/no-show", {"occurred_at": "2020-01-03"})
    assert wrong(here)[:2] == (409, "stay-is-over")
    plan = {"case_id": other, "stay_id": new_id(), "room_type": "male", "from_date": "2999-01-05"}
    assert (await house.plan(plan)).status_code == 201
    early = await house.staff.post(f"/shelter/stays/{plan['stay_id']}/no-show", {"occurred_at": "2020-01-03"})
    assert wrong(early)[:2] == (422, "impossible-date")
    assert (await house.stay(plan["stay_id"]))["status"] == "planned"


async def test_plans_are_made_for_all_or_for_nobody(house: House) -> None:
    man, woman = await house.guests("MF")
    nights = {"from_date": "2020-01-05", "until_date": "2020-01-06"}
    answer = await house.plan(
        {"case_id": man, "room_type": "male"} | nights,
        {"case_id": woman, "room_type": "male"} | nights,
    )
    assert wrong(answer) == (422, "sex-refused", ["#/people/1/room_type"])
    never = await house.plan(
        {"case_id": man, "room_type": "male", "from_date": "2020-01-05", "until_date": "2020-01-05"}
    )
    assert wrong(never) == (422, "impossible-date", ["#/people/0/until_date"])
    assert await house.stays() == []
    stay_id = new_id()
    await house.plan({"case_id": man, "stay_id": stay_id, "room_type": "male"} | nights)
    other = await house.plan({"case_id": woman, "stay_id": stay_id, "room_type": "female"} | nights)
    assert wrong(other) == (409, "id-taken", ["#/people/0/stay_id"])
    twice = await house.plan({"case_id": man, "room_type": "family", "from_date": "2020-01-01"})
    assert wrong(twice) == (409, "stays-overlap", ["#/people/0/case_id"])
