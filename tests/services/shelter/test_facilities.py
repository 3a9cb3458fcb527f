"""Shelters with their rooms and beds."""

from typing import Any

from httpx import Response

from tests.services.shelter.house import House, told, wrong
from tests.world import Pulang

BODY: dict[str, Any] = {
    "name": "RPTC Tanjung Pinang",
    "agency": "kemensos",
    "regency": "21.72",
    "time_zone": "Asia/Jakarta",
    "rooms": [{"name": "M1", "type": "male", "beds": 3}, {"name": "F1", "type": "female", "beds": 2}],
}
URL = "/shelter/facilities/RPTC-TANJUNG-PINANG"


async def put(pulang: Pulang, rooms: list[dict[str, Any]], tag: str | None = None, **other: Any) -> Response:
    headers = {"If-Match": tag} if tag else {}
    return await pulang.administrator.put(URL, BODY | {"rooms": rooms} | other, headers=headers)


async def test_a_shelter_is_opened_and_everyone_hears_of_its_rooms_without_their_names(pulang: Pulang) -> None:
    answer = await put(pulang, BODY["rooms"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["beds"] == 5
    assert [len(room["bed_ids"]) for room in answer.json()["rooms"]] == [3, 2]
    (opened,) = told(pulang, "facility.opened")
    assert opened["subject"] == "RPTC-TANJUNG-PINANG"
    assert opened["data"]["rooms"] == [{"room_type": "male", "beds": 3}, {"room_type": "female", "beds": 2}]
    assert "M1" not in str(opened)


async def test_nobody_changes_what_they_have_not_seen(pulang: Pulang) -> None:
    tag = (await put(pulang, BODY["rooms"])).headers["etag"]
    assert (await put(pulang, BODY["rooms"], name="Lain")).status_code == 428
    assert (await put(pulang, BODY["rooms"], '"9"', name="Lain")).status_code == 412
    same = await put(pulang, BODY["rooms"], tag)
    assert same.headers["etag"] == tag
    assert len(told(pulang, "facility.opened")) == 1, "nothing changed, nothing is told"
    changed = await put(pulang, BODY["rooms"], tag, name="Lain")
    assert (changed.status_code, changed.json()["name"]) == (200, "Lain")
    assert changed.headers["etag"] != tag
    assert (await put(pulang, BODY["rooms"], tag, name="Lain")).status_code == 412


async def test_rooms_grow_and_shrink_but_never_below_their_use(house: House) -> None:
    people = await house.guests("MM")
    await house.check_in("2020-01-02", *({"case_id": case, "room_type": "male"} for case in people))
    tag = (await house.staff.get(URL)).headers["etag"]
    rooms = [{"name": "M1", "type": "male", "beds": 1}, {"name": "F1", "type": "family", "beds": 1}]
    refused = await put(house.pulang, rooms, tag)
    assert wrong(refused) == (409, "room-in-use", ["#/rooms/0/beds"])
    assert wrong(await put(house.pulang, rooms[1:], tag)) == (409, "room-in-use", ["#/rooms"])
    assert wrong(await put(house.pulang, [{"name": "M1", "type": "family", "beds": 2}], tag))[2] == ["#/rooms/0/type"]
    assert (await house.staff.get(URL)).headers["etag"] == tag

    await house.check_out("2020-01-04", {"case_id": people[0]})
    left = (await house.stays(status="checked_in"))[0]["segments"][0]["bed_id"]
    shrunk = await put(house.pulang, rooms, tag)
    assert shrunk.json()["rooms"][0]["bed_ids"] == [left], "the bed in use is the one that stays"
    assert shrunk.json()["beds"] == 2
    assert (await house.night("2020-01-03"))["taken"] == 2, "the nights slept in a bed that is gone are known"
    grown = await put(house.pulang, [{"name": "M1", "type": "male", "beds": 3}], shrunk.headers["etag"])
    assert [len(room["bed_ids"]) for room in grown.json()["rooms"]] == [3]


async def test_a_bed_that_is_gone_takes_nobody(house: House) -> None:
    (man,) = await house.guests("M")
    gone = (await house.beds())["M1"][1]
    tag = (await house.staff.get(URL)).headers["etag"]
    await put(house.pulang, [{"name": "M1", "type": "male", "beds": 1}], tag)
    assert wrong(await house.check_in("2020-01-02", {"case_id": man, "bed_id": gone}))[:2] == (409, "bed-taken")


async def test_shelters_are_read_by_those_who_run_them(house: House) -> None:
    await house.pulang.open_shelter("POS-PONTIANAK")
    codes = [place["code"] for place in (await house.staff.get("/shelter/facilities")).json()["items"]]
    assert codes == [house.code]
    assert (await house.staff.get("/shelter/facilities/POS-PONTIANAK")).status_code == 404
    everything = (await house.pulang.administrator.get("/shelter/facilities")).json()["items"]
    assert [place["code"] for place in everything] == ["POS-PONTIANAK", house.code]
    assert (await house.staff.put(URL, BODY)).status_code == 403


async def test_a_room_stands_once(pulang: Pulang) -> None:
    twice = [{"name": "M1", "type": "male", "beds": 1}] * 2
    assert (await put(pulang, twice)).status_code == 422
    none = [{"name": "M1", "type": "male", "beds": 0}]
    assert wrong(await put(pulang, none))[2] == ["#/rooms/0/beds"]
