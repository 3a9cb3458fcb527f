"""How full a shelter is and was, against a slow and obvious count: every person, every night."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.shelter.rules import Nights, bed_nights, each_night, free, peak, taken_by_night
from tests.services.shelter.house import House, wrong
from tests.world import Pulang

DAY_ONE = date(2020, 1, 1)


def day(number: int) -> date:
    return DAY_ONE + timedelta(days=number)


def slept_in(stays: Sequence[tuple[date, date | None]], night: date) -> int:
    """The reference: walk through everyone and look whether they are in bed."""
    return sum(1 for first, until in stays if first <= night and (until is None or night < until))


def stays_of(most: int) -> st.SearchStrategy[list[tuple[date, date | None]]]:
    """Within a fortnight, so that ends and beginnings fall on the same night often."""
    nights = st.tuples(st.integers(0, 14), st.one_of(st.none(), st.integers(1, 6)))
    return st.lists(nights, max_size=most).map(
        lambda drawn: [(day(first), None if n is None else day(first + n)) for first, n in drawn]
    )


@settings(max_examples=300)
@given(stays=stays_of(20), first=st.integers(-3, 18), length=st.integers(0, 12))
def test_nights_are_counted_as_one_would_by_hand(
    stays: list[tuple[date, date | None]], first: int, length: int
) -> None:
    begins, last = day(first), day(first + length)
    counted = [(Nights(*stay), 1) for stay in stays]
    by_hand = [slept_in(stays, day(first + n)) for n in range(length + 1)]
    assert each_night(taken_by_night(counted, begins, last), last) == by_hand
    assert bed_nights(counted, begins, last) == sum(by_hand)
    assert peak(counted, begins, last) == max(by_hand)


@settings(max_examples=300)
@given(stays=stays_of(2), wanted=st.tuples(st.integers(0, 14), st.one_of(st.none(), st.integers(1, 6))))
def test_a_bed_is_free_where_no_night_is_shared(stays: list[tuple[date, date | None]], wanted: tuple[int, Any]) -> None:
    first, length = wanted
    nights = range(first, 200 if length is None else first + length)
    by_hand = not any(slept_in(stays, day(n)) for n in nights)
    asked = Nights(day(first), None if length is None else day(first + length))
    assert free((Nights(*stay) for stay in stays), asked) is by_hand


@pytest.mark.parametrize("seed", [1, 2])
async def test_figures_and_occupancy_agree_with_a_count_by_hand(pulang: Pulang, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    house = await House.opened(pulang, rooms=[{"name": "K1", "type": "family", "beds": 12}])
    stays: list[tuple[date, date | None]] = []
    reasons: list[str | None] = []
    for case in await house.guests("MF" * 10):
        first = chance.randrange(0, 20)
        answer = await house.check_in(str(day(first)), {"case_id": case, "room_type": "family"})
        if answer.status_code == 409:
            continue
        if chance.random() < 0.2:
            stays.append((day(first), None))
            reasons.append(None)
            continue
        until, reason = day(first + chance.randrange(1, 9)), chance.choice(["return_home", "left"])
        if chance.random() < 0.3:
            await house.move(answer.json()["stays"][0]["stay_id"], str(day(first)), room_type="family")
        await house.check_out(str(until), {"case_id": case}, reason=reason)
        stays.append((day(first), until))
        reasons.append(reason)
    assert len(stays) > 12, "beds are given again"

    since, until_day = day(2), day(17)
    nights = [day(2 + n) for n in range(16)]
    answer = await house.staff.get(
        "/shelter/occupancy", params={"facility": house.code, "from": str(since), "until": str(until_day)}
    )
    by_hand = [slept_in(stays, night) for night in nights]
    assert [night["taken"] for night in answer.json()["nights"]] == by_hand
    assert {night["beds"] for night in answer.json()["nights"]} == {12}
    period = {"from": str(since), "until": str(until_day)}
    figures = (await house.staff.get("/shelter/figures", params=period)).json()
    assert figures == {
        "sent_home": sum(
            1
            for (_, until), reason in zip(stays, reasons, strict=True)
            if reason == "return_home" and until is not None and since <= until <= until_day
        ),
        "still_resident": by_hand[-1],
        "resident_by_shelter": {house.code: by_hand[-1]},
        "checked_in_by_shelter": {house.code: sum(1 for first, _ in stays if since <= first <= until_day)},
        "beds_by_shelter": {house.code: 12},
        "peak_occupancy_by_shelter": {house.code: max(by_hand)},
        "bed_nights_by_shelter": {house.code: sum(by_hand)},
    }


async def test_figures_are_those_of_the_callers_shelters(house: House) -> None:
    await house.pulang.open_shelter("POS-PONTIANAK", agency="lks")
    (man,) = await house.guests("M")
    await house.slept(man, "male", "2020-01-02")
    period = "?from=2020-01-01&until=2020-01-31"
    everything = (await house.pulang.administrator.get(f"/shelter/figures{period}")).json()
    assert everything["beds_by_shelter"] == {"POS-PONTIANAK": 8, house.code: 6}
    assert everything["bed_nights_by_shelter"] == {"POS-PONTIANAK": 0, house.code: 30}
    elsewhere = (await house.pulang.staff("POS-PONTIANAK").get(f"/shelter/figures{period}")).json()
    assert (elsewhere["still_resident"], list(elsewhere["beds_by_shelter"])) == (0, ["POS-PONTIANAK"])
    lks = (await house.pulang.user("supervisor", "lks").get(f"/shelter/figures{period}")).json()
    assert list(lks["resident_by_shelter"]) == ["POS-PONTIANAK"]
    nobody = (await house.pulang.user("shelter_staff", "kemensos").get(f"/shelter/figures{period}")).json()
    assert (nobody["sent_home"], nobody["beds_by_shelter"]) == (0, {})


async def test_impossible_ranges_are_refused(house: House) -> None:
    for query, pointer in [
        ("on=2020-01-01&from=2020-01-01", "query.on"),
        ("from=2020-01-01", "query.until"),
        ("until=2020-01-01", "query.from"),
        ("from=2020-01-02&until=2020-01-01", "query.until"),
        ("from=1900-01-02&until=8999-01-01", "query.until"),
        ("on=today", "query.on"),
    ]:
        answer = await house.staff.get(f"/shelter/occupancy?facility={house.code}&{query}")
        assert (answer.status_code, wrong(answer)[2]) == (422, [pointer]), query
    assert (await house.staff.get("/shelter/occupancy?facility=NOWHERE&on=2020-01-01")).status_code == 404
    ages = await house.staff.get("/shelter/figures?from=1900-01-01&until=9000-12-31")
    assert ages.status_code == 200
