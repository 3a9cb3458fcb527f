"""Two at the same moment, in intake."""

import asyncio
from typing import Any

import pytest

from tests.races.racing import (
    UNDER_WAY_WITHIN_SECONDS,
    all_alike,
    blocked,
    held,
    kinds,
    race,
    statuses,
    told,
    under_way,
)
from tests.services.intake.approving import VICTIM, approve, ask_to_close, propose
from tests.services.intake.story import SHELTER, case_of, refer
from tests.services.intake.test_consent import consent
from tests.services.intake.test_trips import in_shelter, trip
from tests.services.shelter.house import new_id
from tests.world import Pulang

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERSON = {
    "name": "Contoh Nama",
    "sex": "F",
    "birth_date": "1990-05-17",
    "nik": "3507015705900001",
    "arrival_point": "TNJ",
    "arrival_date": "2026-11-03",
}


async def register(pulang: Pulang, **change: Any) -> Any:
    return await pulang.officer().post("/intake/cases", PERSON | change)


async def known(pulang: Pulang) -> str:
    """Somebody at the post, and a shelter to be referred to."""
    await pulang.open_post()
    await pulang.open_shelter()
    return await pulang.register()


def cases(pulang: Pulang) -> list[str]:
    return [case for (case,) in pulang.rows("intake", "SELECT case_id FROM cases ORDER BY 1")]


async def test_one_person_at_two_desks_has_one_case(pulang: Pulang) -> None:
    await pulang.open_post()
    answers = await race("intake", "cases", *(register(pulang) for _ in range(4)))
    assert statuses(answers) == {201: 1, 409: 3}
    assert set(kinds(answers)) == {"known-already"}
    (case,) = cases(pulang)
    assert await told(pulang, "intake", case) == ["case.registered"]


@pytest.mark.parametrize("knowable", [True, False])
async def test_a_registration_sent_twice_is_answered_alike(pulang: Pulang, knowable: bool) -> None:
    await pulang.open_post()
    who = {"id": new_id()} | ({} if knowable else {"nik": None})
    answers = await race("intake", "cases", *(register(pulang, **who) for _ in range(3)))
    assert all_alike(answers)
    assert cases(pulang) == [who["id"]]
    assert await told(pulang, "intake", str(who["id"])) == ["case.registered"]


async def test_two_people_cannot_have_one_id(pulang: Pulang) -> None:
    await pulang.open_post()
    one, other = {"id": new_id(), "nik": None}, "Contoh Lain"
    answers = await race("intake", "cases", register(pulang, **one), register(pulang, **one, name=other))
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["id-taken"])
    assert len(cases(pulang)) == 1


async def test_a_manifest_sent_twice_registers_each_once(pulang: Pulang) -> None:
    await pulang.open_post()
    rows = [{"row_key": str(n), "name": f"Contoh {n}", "sex": "M"} for n in range(3)] + [{"row_key": "bad"}]
    body = {"id": new_id(), "arrival_point": "TNJ", "arrival_date": "2026-11-03", "rows": rows}
    officer = pulang.officer()
    answers = await race("intake", "manifests", *(officer.post("/intake/manifests", body) for _ in range(2)))
    assert all_alike(answers)
    assert len(cases(pulang)) == 3
    assert await told(pulang, "intake", str(body["id"])) == ["manifest.received"]
    path = f"/intake/manifests/{body['id']}/reconciliation"
    answers = await race("intake", "manifests", *(officer.post(path, {}) for _ in range(2)))
    assert all_alike(answers)
    assert await told(pulang, "intake", str(body["id"])) == ["manifest.received", "manifest.reconciled"]


async def test_someone_on_a_manifest_and_at_a_desk_has_one_case(pulang: Pulang) -> None:
    await pulang.open_post()
    row = {name: PERSON[name] for name in ("name", "sex", "birth_date", "nik")} | {"row_key": "1"}
    body = {"id": new_id(), "arrival_point": "TNJ", "arrival_date": "2026-11-03", "rows": [row]}
    listed, desk = await race("intake", "cases", pulang.officer().post("/intake/manifests", body), register(pulang))
    assert len(cases(pulang)) == 1
    assert (listed.json()["duplicates"], desk.status_code) in ((0, 409), (1, 201))


async def test_a_post_is_handed_over_with_whoever_is_just_registered(pulang: Pulang) -> None:
    await pulang.open_post()
    particulars = {"name": "Pos TNJ", "agency": "iom", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    async with held("intake", "cases") as gate:
        registering = asyncio.ensure_future(register(pulang))
        await under_way(gate, registering)
        put = pulang.administrator.put("/intake/arrival-points/TNJ", particulars, headers={"If-Match": '"1"'})
        handing_over = asyncio.ensure_future(put)
        await under_way(gate, registering, handing_over)
    assert ((await registering).status_code, (await handing_over).status_code) == (201, 200)
    assert pulang.rows("intake", "SELECT arrival_agency FROM cases") == [("iom",)]


async def test_decisions_about_consent_follow_one_another(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    path = f"/intake/cases/{case}/consents"
    first, second = consent(("iom", "identified"), id=new_id()), consent(("kemensos", "pseudonymous"), id=new_id())
    late = consent(("iom", "withdrawn"), id=new_id(), occurred_at="2026-11-04")
    officer = pulang.officer()
    answers = await race(
        "intake", "consent_records", *(officer.post(path, body) for body in (first, first, second, late))
    )
    assert statuses(answers) in ({201: 4}, {201: 3, 409: 1}, {201: 2, 409: 2})
    assert set(kinds(answers)) <= {"decided-since"}
    held_now = dict(pulang.rows("intake", "SELECT agency, level FROM consents"))
    assert held_now == {"iom": "none", "kemensos": "pseudonymous"}
    proofs = pulang.rows("intake", "SELECT record_id FROM consent_records")
    facts = await told(pulang, "intake", case)
    assert facts.count("case.consent_changed") == len(proofs)


async def test_a_screening_sent_twice_is_told_once(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    body = {"id": new_id(), "trafficking_status": "NotAVictimOfTrafficking", "occurred_at": "2026-11-03"}
    path = f"/intake/cases/{case}/screenings"
    answers = await race("intake", "screenings", *(pulang.officer().post(path, body) for _ in range(2)))
    assert all_alike(answers)
    assert await told(pulang, "intake", case) == ["case.registered", "case.screened"]


async def test_a_person_is_referred_to_one_shelter(pulang: Pulang) -> None:
    case = await known(pulang)
    await pulang.open_shelter("RPTC-BAMBU-APUS")
    officer = pulang.officer()
    asked = [{"facility": code, "cases": [case], "occurred_at": "2026-11-03"} for code in (SHELTER, "RPTC-BAMBU-APUS")]
    answers = await race("intake", "referrals", *(officer.post("/intake/referrals", body) for body in asked))
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["referred-already"])
    assert await told(pulang, "intake", case) == ["case.registered", "referral.made"]


async def test_a_referral_is_revoked_once_and_closing_takes_it_back_once(pulang: Pulang) -> None:
    case = await known(pulang)
    (referral,) = await refer(pulang, case)
    revoke = pulang.officer().post(f"/intake/referrals/{referral}/revocation", {"occurred_at": "2026-11-04"})
    again = pulang.officer().post(f"/intake/referrals/{referral}/revocation", {"occurred_at": "2026-11-04"})
    asked = await ask_to_close(pulang, case, on="2026-11-04")
    closing = approve(pulang, asked["approval_id"], *asked["open_work"])
    answers = await race("intake", "referrals", revoke, again, closing)
    # Whoever approves after the revocation was shown something that is no longer open.
    assert statuses(answers) in ({201: 3}, {201: 2, 409: 1})
    assert set(kinds(answers)) <= {"open-work-changed"}
    facts = await told(pulang, "intake", case)
    closed = ["case.closed"] if answers[2].status_code == 201 else []
    assert sorted(facts[2:]) == [*closed, "referral.revoked"]


async def test_a_trip_that_is_planned_twice_is_answered_alike(pulang: Pulang) -> None:
    _, (case,) = await in_shelter(pulang)
    plan = trip(case)
    answers = await race("intake", "trips", *(pulang.staff().post("/intake/trips", plan) for _ in range(3)))
    assert all_alike(answers)
    assert (await told(pulang, "intake", case)).count("return.planned") == 1


async def test_a_person_has_one_seat(pulang: Pulang) -> None:
    _, (case,) = await in_shelter(pulang)
    answers = await race("intake", "trips", *(pulang.staff().post("/intake/trips", trip(case)) for _ in range(2)))
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["return-not-possible"])
    assert pulang.rows("intake", "SELECT status FROM seats") == [("planned",)]


async def test_a_trip_that_comes_before_the_news_holds_up_nobody(pulang: Pulang) -> None:
    """Its staff ask until intake has heard of the acceptance, which is written down under the lock of the case."""
    case = await known(pulang)
    await refer(pulang, case)
    async with blocked("intake", f"SELECT 1 FROM cases WHERE case_id = '{case}' FOR UPDATE"):
        async with asyncio.timeout(UNDER_WAY_WITHIN_SECONDS):
            answer = await pulang.staff().post("/intake/trips", trip(case))
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-in-hand")


async def test_a_trip_departs_without_whoever_died_at_that_moment(pulang: Pulang) -> None:
    _, (stays, dies) = await in_shelter(pulang, 2)
    plan = trip(stays, dies)
    await pulang.staff().done("/intake/trips", plan)
    asked = await ask_to_close(pulang, dies, "deceased", "2026-11-08", "kemensos")
    closing = approve(pulang, asked["approval_id"], *asked["open_work"], agency="kemensos")
    path = f"/intake/trips/{plan['id']}/departure"
    answers = await race(
        "intake",
        "seats",
        pulang.staff().post(path, {"occurred_at": "2026-11-08"}),
        pulang.staff().post(path, {"occurred_at": "2026-11-08"}),
        closing,
    )
    assert statuses(answers) == {201: 3}
    seats = dict(pulang.rows("intake", "SELECT case_id, status FROM seats"))
    assert seats == {stays: "departed", dies: "cancelled"}
    assert (await case_of(pulang, dies))["return_status"] == "none"
    assert (await told(pulang, "intake", stays)).count("return.departed") == 1
    assert (await told(pulang, "intake", dies))[-1] == "case.closed"


async def test_an_approval_is_decided_once_and_one_way(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    path = f"/intake/approvals/{await propose(pulang, case)}"
    heads = [pulang.user("supervisor", "bp2mi", subject=f"kepala-{number}") for number in range(3)]
    answers = await race(
        "intake",
        "approvals",
        heads[0].post(f"{path}/approval", {}),
        heads[1].post(f"{path}/rejection", {"reason": "unfounded"}),
        heads[2].post(f"{path}/approval", {}),
        pulang.officer().post(f"{path}/withdrawal"),
    )
    decided = pulang.rows("intake", "SELECT status FROM approvals")
    facts = await told(pulang, "intake", case)
    assert facts == ["case.registered", *(["case.identified"] if decided == [("approved",)] else [])]
    assert statuses(answers) == ({201: 2, 409: 2} if decided == [("approved",)] else {201: 1, 409: 3})
    assert set(kinds(answers)) == {"approval-ended"}


async def test_what_is_approved_is_what_was_shown(pulang: Pulang) -> None:
    """A seat is given to the person at the moment in which their closing is approved without one."""
    _, (case,) = await in_shelter(pulang)
    asked = await ask_to_close(pulang, case, "disappeared", agency="kemensos")
    plan = trip(case)
    approved, planned = await race(
        "intake",
        "cases",
        approve(pulang, asked["approval_id"], *asked["open_work"], agency="kemensos"),
        pulang.staff().post("/intake/trips", plan),
    )
    both = (approved.status_code, planned.status_code)
    assert both in ((201, 409), (409, 201))
    assert kinds([approved, planned]) == (["case-is-closed"] if both == (201, 409) else ["open-work-changed"])
    facts = await told(pulang, "intake", case)
    assert ("case.closed" in facts, "return.planned" in facts) == (both == (201, 409), both == (409, 201))


async def test_two_who_propose_at_once_have_one_proposal(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    path = f"/intake/cases/{case}/identification"
    answers = await race(
        "intake",
        "approvals",
        pulang.officer().post(path, VICTIM),
        pulang.user("supervisor", "bp2mi").post(path, VICTIM | {"decided_by": "NGO"}),
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["approval-asked"])


async def test_a_case_is_closed_with_one_outcome(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    supervisor = pulang.user("supervisor", "bp2mi", "TNJ")
    bodies = [
        {"outcome": outcome, "cases": [case], "occurred_at": "2026-11-04"} for outcome in ("deceased", "withdrawn")
    ]
    answers = await race("intake", "cases", *(supervisor.post("/intake/closures", body) for body in bodies))
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["case-is-closed"])
    assert await told(pulang, "intake", case) == ["case.registered", "case.closed"]


async def test_an_identity_is_corrected_by_one_of_two(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    path, officer = f"/intake/cases/{case}/identity", pulang.officer()
    bodies = [{"name": name, "birth_date": "1990-05-17"} for name in ("Contoh Satu", "Contoh Dua")]
    answers = await race(
        "intake", "identities", *(officer.put(path, body, headers={"If-Match": '"1"'}) for body in bodies)
    )
    assert statuses(answers) == {200: 1, 412: 1}
    assert pulang.rows("intake", "SELECT version FROM identities") == [(2,)]
