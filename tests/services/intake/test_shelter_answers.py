"""What intake makes of a shelter's answers, whatever crosses whatever on the way."""

import uuid

from shared.events.facilities import FacilityOpened
from shared.events.shelter import ReferralAccepted, ReferralRejected, StayCheckedIn
from tests.services.intake.story import SHELTER, ShelterVoice, case_of, facts, intake_of, kind, refer, rows_of
from tests.world import Pulang

ON = {"occurred_at": "2026-11-03"}
OTHER = "BALAI-MULYA-JAYA"


async def at_the_post(pulang: Pulang) -> tuple[ShelterVoice, str]:
    await pulang.open_post()
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    await shelter.opens(OTHER)
    return shelter, await pulang.register()


def accepted(referral: str, shelter: str = SHELTER) -> ReferralAccepted:
    return ReferralAccepted(referral=referral, facility=shelter)


def rejected(referral: str, shelter: str = SHELTER) -> ReferralRejected:
    return ReferralRejected(referral=referral, facility=shelter, reason="full")


async def test_from_acceptance_to_check_out(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    await shelter.accepts(case)
    assert (await case_of(pulang, case))["phase"] == "referred"
    await shelter.checks_in(case)
    assert (await case_of(pulang, case))["phase"] == "in_shelter"
    await shelter.checks_out(case)
    assert (await case_of(pulang, case))["phase"] == "left_shelter"


async def test_after_a_rejection_another_shelter_is_asked(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    (first,) = await refer(pulang, case)
    await shelter.says(case, rejected(first))
    state = await case_of(pulang, case)
    assert (state["referral_status"], state.get("facility")) == ("rejected", None)
    assert (await pulang.staff().get(f"/intake/cases/{case}")).status_code == 404
    (second,) = await refer(pulang, case, shelter=OTHER)
    await shelter.says(case, accepted(second, OTHER))
    assert (await case_of(pulang, case))["facility"] == OTHER


async def test_what_has_its_answer_is_not_taken_back(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    (referral,) = await refer(pulang, case)
    await shelter.says(case, accepted(referral))
    answer = await pulang.officer().post(f"/intake/referrals/{referral}/revocation", ON)
    assert kind(answer) == (409, "referral-answered")
    assert (await case_of(pulang, case))["referral_status"] == "accepted"
    again = await pulang.officer().done("/intake/referrals", {"facility": SHELTER, "cases": [case]} | ON)
    assert again["referrals"][0] | {"status": "accepted"} == again["referrals"][0]
    elsewhere = await pulang.officer().post("/intake/referrals", {"facility": OTHER, "cases": [case]} | ON)
    assert kind(elsewhere) == (409, "referred-already")


async def test_an_acceptance_that_crosses_the_revocation_counts(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    (referral,) = await refer(pulang, case)
    await pulang.officer().done(f"/intake/referrals/{referral}/revocation", ON)
    await shelter.says(case, accepted(referral))
    state = await case_of(pulang, case)
    assert (state["referral_status"], state["facility"]) == ("accepted", SHELTER)


async def test_a_shelter_asked_after_a_crossed_revocation_is_asked_no_longer(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    (first,) = await refer(pulang, case)
    await pulang.officer().done(f"/intake/referrals/{first}/revocation", ON)
    (second,) = await refer(pulang, case, shelter=OTHER)
    await shelter.says(case, accepted(first))
    state = await case_of(pulang, case)
    assert (state["referral_status"], state["facility"]) == ("accepted", SHELTER)
    assert facts(pulang, case)[-2:] == ["referral.made", "referral.revoked"]
    late = await pulang.officer().done(f"/intake/referrals/{second}/revocation", ON)
    assert late["status"] == "revoked"
    assert (await case_of(pulang, case))["facility"] == SHELTER
    await shelter.says(case, rejected(second, OTHER))
    assert (await case_of(pulang, case))["referral_status"] == "accepted"


async def test_a_rejection_after_the_revocation_changes_nothing(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    (first,) = await refer(pulang, case)
    await pulang.officer().done(f"/intake/referrals/{first}/revocation", ON)
    (second,) = await refer(pulang, case, shelter=OTHER)
    await shelter.says(case, rejected(first))
    state = await case_of(pulang, case)
    assert (state["referral_status"], state["facility"]) == ("pending", OTHER)
    await shelter.says(case, accepted(second, OTHER))
    assert (await case_of(pulang, case))["referral_status"] == "accepted"


async def test_news_of_what_is_not_known_here_stops_nothing(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    stranger = str(uuid.uuid4())
    stay = StayCheckedIn(stay="s", facility=SHELTER, room_type="female", on="2026-11-03")  # type: ignore[arg-type]
    await shelter.says(stranger, accepted(str(uuid.uuid4())), rejected(str(uuid.uuid4())), stay)
    await shelter.says(case, accepted(str(uuid.uuid4())))
    await shelter.accepts(case)
    assert (await case_of(pulang, case))["referral_status"] == "accepted"
    status = await intake_of(pulang).status()
    assert (status["parked"], status["dead_letters"]) == (0, 0)


async def test_another_cases_referral_is_not_answered(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    other = await pulang.register()
    (referral,) = await refer(pulang, case)
    await shelter.says(other, accepted(referral))
    assert (await case_of(pulang, case))["referral_status"] == "pending"
    assert (await case_of(pulang, other))["referral_status"] == "none"


async def test_a_shelter_cannot_take_the_code_of_an_arrival_point(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    await shelter.opens("TNJ", agency="kemensos")
    (place,) = [p for p in (await pulang.administrator.get("/intake/places")).json()["items"] if p["code"] == "TNJ"]
    assert (place["kind"], place["agency"]) == ("arrival_point", "bp2mi")
    assert (await pulang.officer().get(f"/intake/cases/{case}")).status_code == 200


async def test_who_runs_a_place_from_now_on_sees_what_was_there_before(pulang: Pulang) -> None:
    shelter, case = await at_the_post(pulang)
    await shelter.accepts(case)
    path = f"/intake/cases/{case}"
    assert (await pulang.user("supervisor", "dinsos").get(path)).status_code == 404
    await shelter.opens(SHELTER, agency="dinsos")
    assert (await pulang.user("supervisor", "dinsos").get(path)).status_code == 200
    assert (await pulang.user("supervisor", "kemensos").get(path)).status_code == 404
    await pulang.administrator.put(
        "/intake/arrival-points/TNJ",
        {"name": "Pos", "agency": "kp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"},
        headers={"If-Match": '"1"'},
    )
    assert (await pulang.user("supervisor", "kp2mi").get(path)).status_code == 200
    assert (await pulang.user("supervisor", "bp2mi").get(path)).status_code == 404


async def test_an_arrival_point_of_somebody_else_is_no_shelter(pulang: Pulang) -> None:
    shelter, _ = await at_the_post(pulang)
    fact = FacilityOpened(
        facility="XYZ", kind="arrival_point", name="X", agency="bp2mi", regency="21.72", time_zone="Asia/Jakarta"
    )
    await shelter.says("XYZ", fact)
    assert rows_of(pulang, "SELECT 1 FROM places WHERE code = 'XYZ'") == []
