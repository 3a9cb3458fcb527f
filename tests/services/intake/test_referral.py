"""Referral: a group is asked for, or nobody."""

import uuid
from typing import Any

from tests.services.intake.story import (
    SHELTER,
    ShelterVoice,
    case_of,
    facts,
    kind,
    pointers,
    refer,
    told,
)
from tests.world import Pulang

ON = {"occurred_at": "2026-11-03"}


async def arrived(pulang: Pulang, count: int = 1) -> list[str]:
    """People at the post, and a shelter that can be asked."""
    await pulang.open_post()
    await ShelterVoice(pulang).opens()
    return [await pulang.register() for _ in range(count)]


async def test_a_group_is_referred_each_with_a_referral_of_their_own(pulang: Pulang) -> None:
    cases = await arrived(pulang, 3)
    made = await pulang.officer().done("/intake/referrals", {"facility": SHELTER, "cases": cases} | ON)
    assert [one["case_id"] for one in made["referrals"]] == cases
    assert len({one["referral_id"] for one in made["referrals"]}) == 3
    for case, referral in zip(cases, made["referrals"], strict=True):
        fact, event = told(pulang, case)[-1]
        assert fact == "referral.made"
        assert event["data"] == {
            "referral": referral["referral_id"],
            "facility": SHELTER,
            "service": "SocialCare",
        }
        state = await case_of(pulang, case)
        assert (state["phase"], state["facility"], state["referral_status"]) == ("referred", SHELTER, "pending")


async def test_asking_again_answers_as_it_stands(pulang: Pulang) -> None:
    first, second = await arrived(pulang, 2)
    (referral,) = await refer(pulang, first)
    again = await refer(pulang, second, first)
    assert again[1] == referral
    assert facts(pulang, first) == ["case.registered", "referral.made"]


async def test_nobody_is_referred_where_one_cannot_be(pulang: Pulang) -> None:
    one, two, gone = await arrived(pulang, 3)
    await pulang.open_post("BTM")
    elsewhere = await pulang.register("BTM")
    await ShelterVoice(pulang).opens("BALAI-MULYA-JAYA")
    taken = await pulang.register()
    await refer(pulang, taken, shelter="BALAI-MULYA-JAYA")
    close = {"outcome": "disappeared", "cases": [gone], "occurred_at": "2026-11-04"}
    await pulang.user("supervisor", "bp2mi").done("/intake/closures", close)
    tomorrow = await pulang.register(arrival_date="2026-11-04")
    refused: list[tuple[list[str], tuple[int, str], list[str]]] = [
        ([one, str(uuid.uuid4()), two, str(uuid.uuid4())], (404, "case-unknown"), ["#/cases/1", "#/cases/3"]),
        ([one, elsewhere], (404, "case-unknown"), ["#/cases/1"]),
        ([gone, one], (409, "case-is-closed"), ["#/cases/0"]),
        ([one, two, taken], (409, "referred-already"), ["#/cases/2"]),
        ([one, two, one], (422, "named-twice"), ["#/cases/2"]),
        ([one, tomorrow], (422, "impossible-date"), ["#/cases/1"]),
    ]
    for cases, problem, where in refused:
        answer = await pulang.officer().post("/intake/referrals", {"facility": SHELTER, "cases": cases} | ON)
        assert (kind(answer), pointers(answer)) == (problem, where)
    for case in (one, two, elsewhere, tomorrow):
        assert facts(pulang, case) == ["case.registered"]


async def test_only_a_shelter_that_is_known_can_be_asked(pulang: Pulang) -> None:
    (case,) = await arrived(pulang)
    for nowhere in ("RPTC-NOWHERE", "TNJ"):
        answer = await pulang.officer().post("/intake/referrals", {"facility": nowhere, "cases": [case]} | ON)
        assert (kind(answer), pointers(answer)) == ((404, "place-unknown"), ["#/facility"])


async def test_a_referral_without_an_answer_is_taken_back_once(pulang: Pulang) -> None:
    (case,) = await arrived(pulang)
    (referral,) = await refer(pulang, case)
    path = f"/intake/referrals/{referral}/revocation"
    first = await pulang.officer().done(path, ON)
    assert first["status"] == "revoked"
    assert await pulang.officer().done(path, ON) == first
    assert facts(pulang, case) == ["case.registered", "referral.made", "referral.revoked"]
    state = await case_of(pulang, case)
    assert (state["referral_status"], state["phase"], state.get("facility")) == ("revoked", "registered", None)
    (asked_again,) = await refer(pulang, case)
    assert asked_again != referral
    listed = (await pulang.officer().get(f"/intake/cases/{case}/referrals")).json()["items"]
    assert [(one["referral_id"], one["status"]) for one in listed] == [
        (referral, "revoked"),
        (asked_again, "pending"),
    ]


async def test_a_referral_out_of_scope_is_like_one_that_is_not_there(pulang: Pulang) -> None:
    (case,) = await arrived(pulang)
    (referral,) = await refer(pulang, case)
    await pulang.open_post("BTM")
    bodies = []
    for asked in (referral, str(uuid.uuid4())):
        answer = await pulang.officer("BTM").post(f"/intake/referrals/{asked}/revocation", ON)
        assert kind(answer) == (404, "referral-unknown")
        bodies.append(answer.json())
    assert bodies[0] == bodies[1]
    assert (await pulang.officer("BTM").get(f"/intake/cases/{case}/referrals")).status_code == 404


async def test_who_was_asked_sees_the_case_only_as_long_as_they_are(pulang: Pulang) -> None:
    (case,) = await arrived(pulang)
    path = f"/intake/cases/{case}"
    assert (await pulang.staff().get(path)).status_code == 404
    (referral,) = await refer(pulang, case)
    assert (await pulang.staff().get(path)).status_code == 200
    assert (await pulang.staff("BALAI-MULYA-JAYA").get(path)).status_code == 404
    await pulang.officer().done(f"/intake/referrals/{referral}/revocation", ON)
    assert (await pulang.staff().get(path)).status_code == 404


async def test_a_referral_that_cannot_be_says_where(pulang: Pulang) -> None:
    (case,) = await arrived(pulang)
    good: dict[str, Any] = {"facility": SHELTER, "cases": [case]} | ON
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"facility": "rptc"}, "#/facility"),
        ({"facility": None}, "#/facility"),
        ({"cases": []}, "#/cases"),
        ({"cases": case}, "#/cases"),
        ({"cases": ["x"]}, "#/cases/0"),
        ({"cases": [case] * 501}, "#/cases"),
        ({"occurred_at": "2199-01-01"}, "#/occurred_at"),
        ({"occurred_at": "2026-11-02"}, "#/cases/0"),
        ({"occurred_at": "9999-12-31T23:59:59-12:00"}, "#/occurred_at"),
        ({"service": "Legal"}, "#"),
    ]
    for change, pointer in wrong:
        answer = await pulang.officer().post("/intake/referrals", good | change)
        assert answer.status_code == 422, change
        assert pointer in pointers(answer), (change, answer.text)
    assert facts(pulang, case) == ["case.registered"]
