"""Two at the same moment, in shelter."""

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from sqlalchemy import insert

from services.shelter.models import Referral
from shared.database.models import table_of
from shared.work import Work
from tests.races.racing import all_alike, held, kinds, race, service_of, statuses, told, under_way
from tests.services.shelter.house import House, new_id
from tests.world import Pulang

pytestmark = pytest.mark.asyncio(loop_scope="module")

OTHER = "RPTC-BAMBU-APUS"
DAY = "2020-01-02"


@pytest_asyncio.fixture(loop_scope="module")
async def house(pulang: Pulang) -> House:
    """A shelter with two beds for men, two for women, and two in a family room."""
    return await House.opened(pulang)


async def nights_in_order(house: House) -> bool:
    """Whether no bed and no person stands twice on a night."""
    twice = house.pulang.rows(
        "shelter",
        """
        SELECT 1 FROM segments a JOIN segments b ON a.segment_id < b.segment_id
        AND (a.bed_id = b.bed_id OR a.case_id = b.case_id)
        AND daterange(a.from_date, a.until_date) && daterange(b.from_date, b.until_date)
        """,
    )
    return twice == []


async def test_the_last_bed_is_given_once(pulang: Pulang) -> None:
    house = await House.opened(pulang, rooms=[{"name": "M1", "type": "male", "beds": 1}])
    people = await house.guests("MMMM")
    answers = await race(
        "shelter", "stays", *(house.check_in(DAY, {"case_id": case, "room_type": "male"}) for case in people)
    )
    assert (statuses(answers), set(kinds(answers))) == ({201: 1, 409: 3}, {"no-bed-free"})
    assert (await house.night(DAY))["taken"] == 1
    (sleeper,) = [case for case, answer in zip(people, answers, strict=True) if answer.status_code == 201]
    assert (await told(pulang, "shelter", sleeper))[-1] == "stay.checked_in"
    assert (await told(pulang, "shelter", house.code)).count("occupancy.changed") == 1


async def test_a_named_bed_is_given_once(house: House) -> None:
    one, other = await house.guests("MM")
    bed = (await house.beds())["M1"][0]
    answers = await race(
        "shelter", "segments", *(house.check_in(DAY, {"case_id": case, "bed_id": bed}) for case in (one, other))
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["bed-taken"])
    assert await nights_in_order(house)


async def test_a_check_in_sent_twice_is_answered_alike(house: House) -> None:
    (case,) = await house.guests("M")
    person = {"case_id": case, "stay_id": new_id(), "room_type": "male"}
    answers = await race("shelter", "stays", *(house.check_in(DAY, person) for _ in range(3)))
    assert all_alike(answers)
    assert (await told(house.pulang, "shelter", case)).count("stay.checked_in") == 1


async def test_a_person_sleeps_in_one_of_two_shelters(house: House) -> None:
    """Each shelter has a lock of its own: the person's row is the one that both need."""
    (case,) = await house.guests("M")
    await house.pulang.open_shelter(OTHER)
    other = House(house.pulang, OTHER)
    await accepted_by(other, case, house)
    person = {"case_id": case, "room_type": "male"}
    answers = await race("shelter", "stays", house.check_in(DAY, person), other.check_in(DAY, person))
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["checked-in-already"])
    assert await nights_in_order(house)


async def test_two_people_in_two_shelters_cannot_have_one_stay_id(house: House) -> None:
    one, two = await house.guests("MM")
    await house.pulang.open_shelter(OTHER)
    other = House(house.pulang, OTHER)
    await accepted_by(other, two, house)
    stay = {"stay_id": new_id(), "room_type": "male"}
    answers = await race(
        "shelter", "stays", house.check_in(DAY, stay | {"case_id": one}), other.check_in(DAY, stay | {"case_id": two})
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["id-taken"])


async def test_whoever_leaves_is_not_moved(house: House) -> None:
    (case,) = await house.guests("M")
    stay = await house.slept(case, "male", DAY)
    answers = await race(
        "shelter",
        "segments",
        house.check_out("2020-01-05", {"case_id": case}),
        house.check_out("2020-01-05", {"case_id": case}),
        house.move(stay, "2020-01-03", room_type="family"),
    )
    assert all(answer.status_code < 300 for answer in answers)
    (view,) = await house.stays()
    assert (view["status"], view["until_date"]) == ("checked_out", "2020-01-05")
    assert view["segments"][-1]["until_date"] == "2020-01-05"
    facts = Counter(await told(house.pulang, "shelter", case))
    assert (facts["stay.checked_out"], facts["stay.moved"]) == (1, 1)
    assert await nights_in_order(house)


async def test_a_held_bed_is_given_up_or_taken(house: House) -> None:
    (case,) = await house.guests("M")
    stay = new_id()
    plan = {"case_id": case, "stay_id": stay, "room_type": "male", "from_date": DAY}
    assert (await house.plan(plan)).status_code == 201
    answers = await race(
        "shelter",
        "stays",
        house.check_in(DAY, {"case_id": case, "stay_id": stay}),
        house.staff.post(f"/shelter/stays/{stay}/cancel", {"occurred_at": DAY}),
    )
    assert (len(kinds(answers)), kinds(answers)) == (1, ["stay-is-over"])
    facts = await told(house.pulang, "shelter", case)
    assert ("stay.checked_in" in facts) != ("stay.cancelled" in facts)


async def test_a_bed_is_taken_away_or_slept_in(pulang: Pulang) -> None:
    house = await House.opened(pulang, rooms=[{"name": "M1", "type": "male", "beds": 1}])
    (case,) = await house.guests("M")
    rooms = [{"name": "F1", "type": "female", "beds": 1}]
    body = {"name": "x", "agency": "kemensos", "regency": "21.72", "time_zone": "Asia/Jakarta", "rooms": rooms}
    path = f"/shelter/facilities/{house.code}"
    answers = await race(
        "shelter",
        "beds",
        house.pulang.administrator.put(path, body, headers={"If-Match": '"1"'}),
        house.pulang.administrator.put(path, body | {"name": "y"}, headers={"If-Match": '"1"'}),
    )
    assert statuses(answers) == {200: 1, 412: 1}
    assert (await house.check_in(DAY, {"case_id": case, "room_type": "male"})).status_code in (201, 409)


async def test_a_referral_has_one_answer(house: House) -> None:
    ((case, referral),) = (await house.referred("M")).items()
    no = house.answer([referral]) | {"reason": "full"}
    answers = await race(
        "shelter",
        "referrals",
        house.staff.post("/shelter/referrals/acceptance", house.answer([referral])),
        house.staff.post("/shelter/referrals/rejection", no),
        house.staff.post("/shelter/referrals/acceptance", house.answer([referral])),
    )
    assert set(kinds(answers)) == {"referral-answered"}
    facts = await told(house.pulang, "shelter", case)
    assert len(facts) == 1
    assert facts[0] in ("referral.accepted", "referral.rejected")


async def test_a_referral_is_accepted_or_taken_back(house: House) -> None:
    """The news of the revocation comes while the shelter accepts: whichever is first holds, in both services."""
    ((case, referral),) = (await house.referred("M")).items()
    async with held("shelter", "referrals") as gate:
        accepting = asyncio.ensure_future(house.staff.post("/shelter/referrals/acceptance", house.answer([referral])))
        await under_way(gate, accepting)
        revoking = house.pulang.officer().post(
            f"/intake/referrals/{referral}/revocation", {"occurred_at": "2020-01-01"}
        )
        revoked, heard = await revoking, asyncio.get_running_loop().create_future()
        await under_way(gate, accepting, heard)
    answer = await accepting
    await house.pulang.settled()
    assert revoked.status_code == 201
    (status,) = house.pulang.rows("shelter", "SELECT status FROM referrals")[0]
    assert status == ("accepted" if answer.status_code == 201 else "revoked")
    facts = await told(house.pulang, "shelter", case)
    assert facts == (["referral.accepted"] if answer.status_code == 201 else [])
    known = (await house.pulang.administrator.get(f"/intake/cases/{case}")).json()
    assert known["referral_status"] == status


async def accepted_by(other: House, case: str, first: House) -> None:
    """Asked and accepted by another shelter as well, as where a revocation came too late for the first."""
    row = insert(table_of(Referral)).values(
        referral_id=new_id(), case_id=case, facility=other.code, status="accepted", made_at=datetime.now(UTC)
    )

    def write(work: Work) -> None:
        work.session.execute(row)

    await service_of(first.pulang, "shelter").desk.write(write)
