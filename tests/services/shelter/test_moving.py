"""Another bed."""

from typing import Any

from tests.services.shelter.house import House, told, wrong


def nights(stay: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    return [(s["room"], s["from_date"], s.get("until_date")) for s in stay["segments"]]


async def test_a_person_moves_and_is_one_person(house: House) -> None:
    (man,) = await house.guests("M")
    stay_id = await house.slept(man, "male", "2020-01-02")
    moved = await house.move(stay_id, "2020-01-05", room_type="family")
    assert moved.status_code == 201, moved.text
    assert nights(moved.json()) == [("M1", "2020-01-02", "2020-01-05"), ("K1", "2020-01-05", None)]
    assert (await house.move(stay_id, "2020-01-05", room_type="family")).json() == moved.json()
    (event,) = told(house.pulang, "stay.moved")
    assert (event["subject"], event["data"]["room_type"], event["data"]["on"]) == (man, "family", "2020-01-05")
    for on in ("2020-01-04", "2020-01-05", "2020-01-06"):
        assert (await house.night(on))["taken"] == 1
    await house.check_out("2020-01-08", {"case_id": man})
    assert nights(await house.stay(stay_id))[-1] == ("K1", "2020-01-05", "2020-01-08")


async def test_a_move_before_the_first_night_changes_the_bed(house: House) -> None:
    man, other = await house.guests("MM")
    stay_id = await house.slept(man, "male", "2020-01-02")
    second = (await house.beds())["M1"][1]
    moved = await house.move(stay_id, "2020-01-02", bed_id=second)
    assert [s["bed_id"] for s in moved.json()["segments"]] == [second]
    await house.slept(other, "male", "2020-01-02")
    assert wrong(await house.move(stay_id, "2020-01-03", room_type="male")) == (409, "no-bed-free", ["#/room_type"])
    first = (await house.beds())["M1"][0]
    assert wrong(await house.move(stay_id, "2020-01-03", bed_id=first)) == (409, "bed-taken", ["#/bed_id"])


async def test_moves_may_be_entered_late(house: House) -> None:
    (man,) = await house.guests("M")
    stay_id = await house.slept(man, "male", "2020-01-02")
    await house.move(stay_id, "2020-01-08", room_type="family")
    await house.move(stay_id, "2020-01-05", bed_id=(await house.beds())["K1"][1])
    assert nights(await house.stay(stay_id)) == [
        ("M1", "2020-01-02", "2020-01-05"),
        ("K1", "2020-01-05", "2020-01-08"),
        ("K1", "2020-01-08", None),
    ]
    early = await house.check_out("2020-01-07", {"case_id": man})
    assert wrong(early) == (422, "impossible-date", ["#/on", "#/people/0"])
    await house.check_out("2020-01-10", {"case_id": man})
    assert (await house.move(stay_id, "2020-01-03", room_type="family")).status_code == 201
    for on in ("2020-01-01", "2020-01-10"):
        assert wrong(await house.move(stay_id, on, room_type="male")) == (422, "impossible-date", ["#/on"])
    assert [(await house.night(f"2020-01-{day:02}"))["taken"] for day in range(1, 12)] == [0, *[1] * 8, 0, 0]
