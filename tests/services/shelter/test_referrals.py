"""A shelter is asked, and answers."""

from tests.services.shelter.house import House, new_id, told, wrong


async def test_the_shelter_sees_whom_it_is_asked_to_take_in(house: House) -> None:
    (woman,) = await house.arrivals("F")
    screening = {
        "trafficking_status": "NotAVictimOfTrafficking",
        "needs": ["isolation"],
        "occurred_at": "2020-01-01",
    }
    officer = house.pulang.officer()
    await officer.done(f"/intake/cases/{woman}/screenings", screening)
    body = {"facility": house.code, "cases": [woman], "occurred_at": "2020-01-01"}
    made = await officer.done("/intake/referrals", body)
    await house.pulang.settled()
    (asked,) = (await house.staff.get("/shelter/referrals?status=pending")).json()["items"]
    assert asked["referral_id"] == made["referrals"][0]["referral_id"]
    assert (asked["case_id"], asked["sex"], asked["needs"]) == (woman, "F", ["isolation"])
    stranger = house.pulang.staff("POS-PONTIANAK")
    assert (await stranger.get("/shelter/referrals")).json()["items"] == []


async def test_an_answer_is_given_once_and_intake_follows(house: House) -> None:
    referrals = await house.referred("MF")
    body = house.answer(referrals.values())
    first = await house.staff.done("/shelter/referrals/acceptance", body)
    assert [one["status"] for one in first["referrals"]] == ["accepted", "accepted"]
    assert await house.staff.done("/shelter/referrals/acceptance", body) == first
    assert [e["subject"] for e in told(house.pulang, "referral.accepted")] == list(referrals)
    changed = await house.staff.post("/shelter/referrals/rejection", body | {"reason": "full"})
    assert wrong(changed) == (409, "referral-answered", ["#/referrals/0", "#/referrals/1"])
    await house.pulang.settled()
    for case in referrals:
        seen = (await house.staff.get(f"/intake/cases/{case}")).json()
        assert (seen["referral_status"], seen["facility"]) == ("accepted", house.code)


async def test_all_are_answered_or_nobody(house: House) -> None:
    (referral,) = (await house.referred("M")).values()
    answer = await house.staff.post("/shelter/referrals/acceptance", house.answer([referral, new_id()]))
    assert wrong(answer) == (404, "referral-unknown", ["#/referrals/1"])
    assert answer.headers["retry-after"] == "1"
    twice = await house.staff.post("/shelter/referrals/acceptance", house.answer([referral, referral]))
    assert wrong(twice) == (422, "stands-twice", ["#/referrals/1"])
    tomorrow = house.answer([referral]) | {"occurred_at": "2999-01-01"}
    assert wrong(await house.staff.post("/shelter/referrals/acceptance", tomorrow))[:2] == (422, "impossible-date")
    assert [one["status"] for one in (await house.staff.get("/shelter/referrals")).json()["items"]] == ["pending"]
    assert told(house.pulang, "referral.accepted") == []


async def test_a_rejection_says_why(house: House) -> None:
    referrals = await house.referred("M")
    body = house.answer(referrals.values()) | {"reason": "no_suitable_room"}
    await house.staff.done("/shelter/referrals/rejection", body)
    (event,) = told(house.pulang, "referral.rejected")
    assert event["data"]["reason"] == "no_suitable_room"
    other = await house.staff.post("/shelter/referrals/rejection", body | {"reason": "full"})
    assert wrong(other)[:2] == (409, "referral-answered")


async def test_a_referral_that_was_taken_back_takes_no_answer(house: House) -> None:
    (referral,) = (await house.referred("M")).values()
    await house.pulang.officer().done(f"/intake/referrals/{referral}/revocation", {"occurred_at": "2020-01-02"})
    await house.pulang.settled()
    answer = await house.staff.post("/shelter/referrals/acceptance", house.answer([referral]))
    assert wrong(answer) == (409, "referral-answered", ["#/referrals/0"])
    assert (await house.staff.get("/shelter/referrals?status=pending")).json()["items"] == []
