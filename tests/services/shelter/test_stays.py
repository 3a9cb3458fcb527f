"""Coming and leaving."""

import pytest

from tests.services.shelter.house import House, new_id, told, wrong


@pytest.mark.either_database
async def test_a_group_comes_and_leaves(house: House) -> None:
    man, woman, child = await house.guests("MFF")
    answer = await house.check_in(
        "2020-01-02",
        {"case_id": man, "room_type": "male"},
        {"case_id": woman, "room_type": "family"},
        {"case_id": child, "room_type": "family"},
    )
    assert answer.status_code == 201, answer.text
    stays = answer.json()["stays"]
    assert [stay["case_id"] for stay in stays] == [man, woman, child]
    assert {stay["status"] for stay in stays} == {"checked_in"}
    assert [stay["segments"][0]["room"] for stay in stays] == ["M1", "K1", "K1"]
    assert await house.night("2020-01-02") == {"on": "2020-01-02", "beds": 6, "taken": 3, "held": 0}

    left = await house.check_out("2020-01-05", {"case_id": woman}, {"stay_id": stays[2]["stay_id"]})
    assert [(s["case_id"], s["status"], s["until_date"], s["reason"]) for s in left.json()["stays"]] == [
        (woman, "checked_out", "2020-01-05", "return_home"),
        (child, "checked_out", "2020-01-05", "return_home"),
    ]
    assert (await house.night("2020-01-04"))["taken"] == 3
    assert (await house.night("2020-01-05"))["taken"] == 1


async def test_each_person_is_told_of_once_and_the_shelter_once_a_request(house: House) -> None:
    people = await house.guests("MM")
    await house.check_in("2020-01-02", *({"case_id": case, "room_type": "male"} for case in people))
    await house.check_out("2020-01-04", {"case_id": people[0]})
    come = told(house.pulang, "stay.checked_in")
    assert [(e["subject"], e["data"]["on"], e["data"]["room_type"]) for e in come] == [
        (case, "2020-01-02", "male") for case in people
    ]
    assert {e["time"] for e in come} == {"2020-01-02T05:00:00.000000Z"}  # noon in Jakarta
    (left,) = told(house.pulang, "stay.checked_out")
    assert (left["subject"], left["data"]["reason"]) == (people[0], "return_home")
    full = told(house.pulang, "occupancy.changed")
    assert [(e["subject"], e["data"]["on"], e["data"]["beds"], e["data"]["taken"]) for e in full] == [
        (house.code, "2020-01-02", 6, 2),
        (house.code, "2020-01-04", 6, 1),
    ]


async def test_the_same_stay_again_is_answered_as_it_stands(house: House) -> None:
    (man,) = await house.guests("M")
    person = {"case_id": man, "stay_id": new_id(), "room_type": "male"}
    first = await house.check_in("2020-01-02", person)
    again = await house.check_in("2020-01-02", person)
    assert again.json() == first.json()
    assert (await house.check_out("2020-01-04", {"case_id": man})).status_code == 201
    assert (await house.check_out("2020-01-04", {"case_id": man})).status_code == 201
    late = await house.check_in("2020-01-02", person)
    assert late.json()["stays"][0]["status"] == "checked_out"
    assert len(told(house.pulang, "stay.checked_in")) == len(told(house.pulang, "stay.checked_out")) == 1
    assert len(told(house.pulang, "occupancy.changed")) == 2


async def test_a_second_check_in_is_refused(house: House) -> None:
    man, other = await house.guests("MM")
    stay_id = await house.slept(man, "male", "2020-01-02")
    for on in ("2020-01-02", "2020-01-03", "2020-01-01"):
        again = await house.check_in(on, {"case_id": man, "room_type": "male"})
        assert wrong(again) == (409, "checked-in-already", ["#/people/0/case_id"]), on
    moved = await house.check_in("2020-01-03", {"case_id": man, "stay_id": stay_id, "room_type": "male"})
    assert wrong(moved) == (409, "checked-in-already", ["#/people/0/stay_id"])
    stolen = await house.check_in("2020-01-02", {"case_id": other, "stay_id": stay_id, "room_type": "male"})
    assert wrong(stolen) == (409, "id-taken", ["#/people/0/stay_id"])
    assert len(await house.stays()) == 1


async def test_nobody_is_checked_in_where_anybody_is_refused(house: House) -> None:
    man, woman = await house.guests("MF")
    (waiting,) = await house.referred("M")
    stranger = new_id()
    answer = await house.check_in(
        "2020-01-02",
        {"case_id": man, "room_type": "male"},
        {"case_id": stranger, "room_type": "male"},
        {"case_id": woman, "room_type": "female"},
        {"case_id": waiting, "room_type": "male"},
    )
    assert wrong(answer) == (404, "case-unknown", ["#/people/1/case_id", "#/people/3/case_id"])
    assert answer.headers["retry-after"] == "1"
    assert await house.stays() == []
    assert told(house.pulang, "stay.checked_in") == told(house.pulang, "occupancy.changed") == []


async def test_who_was_not_accepted_cannot_come(house: House) -> None:
    (waiting,) = await house.referred("M")
    answer = await house.check_in("2020-01-02", {"case_id": waiting, "room_type": "male"})
    assert wrong(answer) == (409, "referral-needed", ["#/people/0/case_id"])


@pytest.mark.parametrize(("sex", "room"), [("M", "female"), ("F", "male")])
async def test_rooms_for_one_sex_refuse_the_other(house: House, sex: str, room: str) -> None:
    (person,) = await house.guests(sex)
    answer = await house.check_in("2020-01-02", {"case_id": person, "room_type": room})
    assert wrong(answer) == (422, "sex-refused", ["#/people/0/room_type"])
    bed = (await house.beds())[{"female": "F1", "male": "M1"}[room]][0]
    named = await house.check_in("2020-01-02", {"case_id": person, "bed_id": bed})
    assert wrong(named) == (422, "sex-refused", ["#/people/0/bed_id"])
    assert (await house.check_in("2020-01-02", {"case_id": person, "room_type": "family"})).status_code == 201
    (stay,) = await house.stays()
    moved = await house.move(stay["stay_id"], "2020-01-03", room_type=room)
    assert wrong(moved) == (422, "sex-refused", ["#/room_type"])


async def test_a_full_room_takes_nobody_until_somebody_leaves(house: House) -> None:
    people = await house.guests("MMM")
    beds = {"case_id": people[2], "room_type": "male"}
    full = await house.check_in("2020-01-02", *({"case_id": case, "room_type": "male"} for case in people))
    assert wrong(full) == (409, "no-bed-free", ["#/people/2/room_type"])
    await house.check_in("2020-01-02", *({"case_id": case, "room_type": "male"} for case in people[:2]))
    assert wrong(await house.check_in("2020-01-03", beds)) == (409, "no-bed-free", ["#/people/0/room_type"])
    await house.check_out("2020-01-04", {"case_id": people[0]})
    assert wrong(await house.check_in("2020-01-03", beds)) == (409, "no-bed-free", ["#/people/0/room_type"])
    assert (await house.check_in("2020-01-04", beds)).status_code == 201, "the bed is free on the night of check-out"


@pytest.mark.parametrize("on", ["2020-01-02", "2020-01-01"])
async def test_a_check_out_comes_after_the_check_in(house: House, on: str) -> None:
    man, other = await house.guests("MM")
    await house.slept(man, "male", "2020-01-02")
    await house.slept(other, "male", "2019-12-30")
    answer = await house.check_out(on, {"case_id": other}, {"case_id": man})
    assert wrong(answer) == (422, "impossible-date", ["#/on", "#/people/1"])
    assert {stay["status"] for stay in await house.stays()} == {"checked_in"}


async def test_who_is_not_here_cannot_leave(house: House) -> None:
    man, other = await house.guests("MM")
    stay_id = await house.slept(man, "male", "2020-01-02")
    assert wrong(await house.check_out("2020-01-03", {"case_id": other}))[1:] == (
        "not-checked-in",
        ["#/people/0/case_id"],
    )
    assert wrong(await house.check_out("2020-01-03", {"case_id": new_id()}))[:2] == (404, "case-unknown")
    assert wrong(await house.check_out("2020-01-03", {"stay_id": new_id()}))[:2] == (404, "stay-unknown")
    twice = await house.check_out("2020-01-03", {"case_id": man}, {"stay_id": stay_id})
    assert wrong(twice) == (422, "stands-twice", ["#/people/1/stay_id"])
    await house.check_out("2020-01-03", {"case_id": man})
    assert wrong(await house.check_out("2020-01-04", {"stay_id": stay_id}))[:2] == (409, "stay-is-over")
    assert wrong(await house.check_out("2020-01-04", {"case_id": man}))[:2] == (409, "not-checked-in")


async def test_the_future_is_refused(house: House) -> None:
    (man,) = await house.guests("M")
    answer = await house.check_in("2999-01-01", {"case_id": man, "room_type": "male"})
    assert wrong(answer) == (422, "impossible-date", ["#/on"])


async def test_bad_bodies_name_the_field(house: House) -> None:
    (man,) = await house.guests("M")
    for person, pointer in [
        ({"case_id": man}, "#/people/0"),
        ({"case_id": man, "room_type": "attic"}, "#/people/0/room_type"),
        ({"case_id": man, "room_type": "male", "bed_id": new_id()}, "#/people/0"),
        ({"case_id": man, "bed_id": new_id()}, "#/people/0/bed_id"),
        ({"case_id": man, "room_type": "male", "name": "x"}, "#/people/0"),
        ({"case_id": "x", "room_type": "male"}, "#/people/0/case_id"),
    ]:
        answer = await house.check_in("2020-01-02", person)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer), answer.text
    both = {"case_id": man, "room_type": "male"}
    assert wrong(await house.check_in("2020-01-02", both, both)) == (422, "stands-twice", ["#/people/1/case_id"])


async def test_another_shelters_staff_see_and_touch_nothing(house: House) -> None:
    (man,) = await house.guests("M")
    stay_id = await house.slept(man, "male", "2020-01-02")
    await house.pulang.open_shelter("POS-PONTIANAK")
    stranger = house.pulang.staff("POS-PONTIANAK")
    assert (await stranger.get("/shelter/stays")).json()["items"] == []
    assert (await stranger.get(f"/shelter/stays/{stay_id}")).status_code == 404
    assert (
        await stranger.post(f"/shelter/stays/{stay_id}/move", {"on": "2020-01-03", "room_type": "male"})
    ).status_code == 404
    body = {"facility": house.code, "on": "2020-01-03", "reason": "left", "people": [{"case_id": man}]}
    assert wrong(await stranger.post("/shelter/stays/check-out", body)) == (404, "facility-unknown", ["#/facility"])
    supervisor = house.pulang.user("supervisor", "kemensos")
    assert (await supervisor.get(f"/shelter/stays/{stay_id}")).status_code == 200
    other_agency = house.pulang.user("supervisor", "bp2mi")
    assert (await other_agency.get(f"/shelter/stays/{stay_id}")).status_code == 404


async def test_stays_are_read_in_pages(house: House) -> None:
    people = await house.guests("MFMF")
    rooms = {"M": "male", "F": "female"}
    await house.check_in(
        "2020-01-02", *({"case_id": case, "room_type": rooms["MFMF"[at]]} for at, case in enumerate(people))
    )
    seen: list[str] = []
    url = "/shelter/stays?limit=3"
    while url:
        answer = await house.staff.get(url)
        seen += [stay["case_id"] for stay in answer.json()["items"]]
        url = answer.links["next"]["url"] if "next" in answer.links else ""
    assert sorted(seen) == sorted(people)
    assert wrong(await house.staff.get("/shelter/stays?after=nonsense"))[0] == 422
    assert [s["case_id"] for s in await house.stays(case_id=people[1])] == [people[1]]
    assert await house.stays(status="planned") == []
