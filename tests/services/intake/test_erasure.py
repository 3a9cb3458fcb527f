"""Erasing a person: asked for by one, approved by another, refused by a legal hold; and what is left afterwards."""

import asyncio
from typing import Any

import httpx
import pytest

from services.intake.commands.expiry import expire_consents
from shared import service as running_service
from tests.services.intake.erasing import approve, ask, erased, head, keys_gone, left_of, supervisor
from tests.services.intake.story import ShelterVoice, case_of, facts, intake_of, kind, pointers, refer, rows_of, told
from tests.services.intake.test_consent import consent
from tests.services.intake.test_registration import AT, PERSON
from tests.services.intake.test_screening import FINDING
from tests.world import Pulang

UNKNOWN = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b99"
MANIFEST = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b20"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys are destroyed as once a second, and sooner: every story here waits for it."""
    monkeypatch.setattr(running_service, "CHORE_SECONDS", 0.1)


@pytest.fixture(autouse=True)
async def _post(often: None, pulang: Pulang) -> None:
    await pulang.open_post()


async def person(pulang: Pulang, **more: Any) -> str:
    case = str((await pulang.officer().done("/intake/cases", PERSON | AT | more))["case_id"])
    await pulang.officer().done(f"/intake/cases/{case}/screenings", FINDING | {"note": "Catatan rahasia"})
    await pulang.officer().done(f"/intake/cases/{case}/consents", consent(("iom", "identified")))
    return case


async def identity(pulang: Pulang, case: str) -> httpx.Response:
    return await pulang.officer().get(f"/intake/cases/{case}/identity?purpose=handover")


@pytest.mark.either_database
async def test_one_asks_a_second_approves_and_nothing_is_left(pulang: Pulang) -> None:
    case = await person(pulang)
    key = rows_of(pulang, "SELECT key_id FROM cases WHERE case_id = ?", case)[0][0]
    asked = await ask(pulang, case)
    assert (asked.status_code, asked.json()["status"]) == (201, "requested")
    assert (await identity(pulang, case)).status_code == 200
    done = await approve(pulang, case)
    assert (done.status_code, done.json()["status"]) == (201, "erased")
    assert (done.json()["requested_by"], done.json()["decided_by"]) == ("contoh-supervisor", "contoh-kepala")

    assert set(left_of(pulang, case).values()) == {0}
    gone = await identity(pulang, case)
    assert kind(gone) == (410, "person-erased")
    assert "erased" in gone.json()["title"]
    assert facts(pulang, case)[-1] == "case.erased"
    assert told(pulang, case)[-1][1].get("data", {}) == {}
    await keys_gone(pulang)
    assert rows_of(pulang, "SELECT key_id, state FROM doomed_keys") == [(key, "gone")]
    assert (await intake_of(pulang).status())["keys_to_destroy"] == 0


async def test_whoever_asked_cannot_approve_and_the_try_is_noted(pulang: Pulang) -> None:
    case = await person(pulang)
    await ask(pulang, case)
    path = f"/intake/cases/{case}/erasure/approval"
    assert kind(await supervisor(pulang).post(path)) == (403, "second-person-needed")
    asked_as_administrator = pulang.user("administrator", "kemensos", subject="contoh-supervisor")
    assert kind(await asked_as_administrator.post(path)) == (403, "second-person-needed")
    assert (await identity(pulang, case)).status_code == 200
    assert (await approve(pulang, case)).status_code == 201
    assert kind(await supervisor(pulang).post(path)) == (403, "second-person-needed")
    noted = rows_of(pulang, "SELECT actor, action, outcome FROM audit WHERE action LIKE 'erasure.%' ORDER BY position")
    assert noted == [
        ("contoh-supervisor", "erasure.request", "done"),
        ("contoh-supervisor", "erasure.approve", "refused"),
        ("contoh-supervisor", "erasure.approve", "refused"),
        ("contoh-kepala", "erasure.approve", "done"),
        ("contoh-supervisor", "erasure.approve", "refused"),
    ]


@pytest.mark.either_database
async def test_a_legal_hold_refuses_with_its_reason_until_it_is_lifted(pulang: Pulang) -> None:
    case = await person(pulang)
    await ask(pulang, case)
    holds = f"/intake/cases/{case}/legal-holds"
    body = {"reason": "prosecution", "note": "Perkara nomor 12 di pengadilan"}
    held = await supervisor(pulang).done(holds, body)
    other = await head(pulang).done(holds, {"reason": "restitution"})
    refused = await approve(pulang, case)
    assert kind(refused) == (409, "held-for-proceedings")
    assert refused.json()["detail"] == "held for: prosecution, restitution"
    assert {one["reason"] for one in refused.json()["holds"]} == {"prosecution", "restitution"}
    assert kind(await ask(pulang, case)) == (409, "held-for-proceedings")
    assert (await identity(pulang, case)).status_code == 200
    assert "Perkara" not in (await supervisor(pulang).get(holds)).text

    lifted = {"reason": "proceedings_ended", "note": "Putusan sudah tetap"}
    for hold in (held, other):
        assert kind(await approve(pulang, case)) == (409, "held-for-proceedings")
        first = await head(pulang).done(f"{holds}/{hold['hold_id']}/lifting", lifted)
        again = await supervisor(pulang).done(f"{holds}/{hold['hold_id']}/lifting", {"reason": "not_needed"})
        assert first == again
        assert first["lifted_because"] == "proceedings_ended"
    assert (await approve(pulang, case)).status_code == 201
    assert rows_of(pulang, "SELECT DISTINCT note, lifting_note FROM legal_holds") == [(None, None)]
    reasons = rows_of(pulang, "SELECT reason, lifted_because FROM legal_holds ORDER BY reason")
    assert reasons == [("prosecution", "proceedings_ended"), ("restitution", "proceedings_ended")]


async def test_the_notes_of_a_hold_are_read_by_who_manages_it_and_that_is_noted(pulang: Pulang) -> None:
    case, other = await person(pulang), await person(pulang, register_anyway=True)
    holds = f"/intake/cases/{case}/legal-holds"
    held = (await supervisor(pulang).done(holds, {"reason": "prosecution", "note": "Perkara 12"}))["hold_id"]
    await head(pulang).done(f"{holds}/{held}/lifting", {"reason": "not_needed", "note": "Selesai"})
    read = await head(pulang).get(f"{holds}/{held}")
    assert (read.json()["note"], read.json()["lifting_note"]) == ("Perkara 12", "Selesai")
    assert read.headers["cache-control"] == "no-store"
    assert (await pulang.officer().get(f"{holds}/{held}")).status_code == 403
    assert kind(await head(pulang).get(f"/intake/cases/{other}/legal-holds/{held}")) == (404, "hold-unknown")
    stranger = supervisor(pulang, "orang-jauh", "kemensos")
    assert kind(await stranger.get(f"{holds}/{held}")) == (404, "case-unknown")
    await erased(pulang, case)
    assert kind(await head(pulang).get(f"{holds}/{held}")) == (410, "person-erased")
    noted = rows_of(pulang, "SELECT actor FROM audit WHERE action = 'hold.read'")
    assert noted == [("contoh-kepala",)]


async def test_a_hold_is_of_one_case_and_its_repeat_is_known(pulang: Pulang) -> None:
    case, other = await person(pulang), await person(pulang, register_anyway=True)
    hold = {"id": MANIFEST, "reason": "investigation"}
    first = await supervisor(pulang).done(f"/intake/cases/{case}/legal-holds", hold)
    assert await head(pulang).done(f"/intake/cases/{case}/legal-holds", hold) == first
    taken = await supervisor(pulang).post(f"/intake/cases/{other}/legal-holds", hold)
    assert (kind(taken), pointers(taken)) == ((409, "id-taken"), ["#/id"])
    lifting = f"/legal-holds/{MANIFEST}/lifting"
    wrong = await supervisor(pulang).post(f"/intake/cases/{other}{lifting}", {"reason": "not_needed"})
    assert kind(wrong) == (404, "hold-unknown")
    await erased(pulang, other)
    assert kind(await ask(pulang, case)) == (409, "held-for-proceedings")


async def test_repeats_are_answered_as_it_stands(pulang: Pulang) -> None:
    case = await person(pulang)
    first = await ask(pulang, case)
    assert (await ask(pulang, case)).json() == first.json()
    assert kind(await ask(pulang, case, reason="unneeded")) == (409, "erasure-asked")
    another = await head(pulang).post(f"/intake/cases/{case}/erasure", {"reason": "withdrawn", "asked_by": "person"})
    assert kind(another) == (409, "erasure-asked")
    path, keyed = f"/intake/cases/{case}/erasure/approval", {"Idempotency-Key": "once"}
    done = await head(pulang).post(path, headers=keyed)
    assert done.status_code == 201, done.text
    assert (await head(pulang).post(path, headers=keyed)).json() == done.json()
    assert (await approve(pulang, case)).json() == done.json()
    assert (await pulang.administrator.post(path)).json() == done.json()
    assert (await supervisor(pulang).get(f"/intake/cases/{case}/erasure")).json() == done.json()
    assert facts(pulang, case).count("case.erased") == 1
    assert kind(await ask(pulang, case)) == (410, "person-erased")


async def test_a_refused_erasure_has_to_be_asked_for_again(pulang: Pulang) -> None:
    case = await person(pulang)
    refusal = f"/intake/cases/{case}/erasure/refusal"
    assert kind(await head(pulang).post(refusal, {"reason": "unfounded"})) == (404, "erasure-unknown")
    assert kind(await approve(pulang, case)) == (404, "erasure-unknown")
    await ask(pulang, case)
    assert (await head(pulang).done(refusal, {"reason": "not_identified"}))["refused_because"] == "not_identified"
    assert kind(await approve(pulang, case)) == (409, "erasure-refused")
    again = (await ask(pulang, case)).json()
    assert again["status"] == "requested"
    assert "refused_because" not in again
    assert (await approve(pulang, case)).status_code == 201


async def test_who_may_not_see_the_case_does_not_learn_of_it(pulang: Pulang) -> None:
    case = await person(pulang)
    await ask(pulang, case)
    stranger = supervisor(pulang, "orang-jauh", "kemensos")
    for path, body in (
        ("erasure", {"reason": "requested", "asked_by": "person"}),
        ("erasure/approval", None),
        ("erasure/refusal", {"reason": "unfounded"}),
        ("legal-holds", {"reason": "prosecution"}),
    ):
        theirs, nobodys = [await stranger.post(f"/intake/cases/{one}/{path}", body) for one in (case, UNKNOWN)]
        assert kind(theirs) == kind(nobodys) == (404, "case-unknown"), path
    assert kind(await stranger.get(f"/intake/cases/{case}/erasure")) == (404, "case-unknown")
    assert kind(await stranger.get(f"/intake/cases/{case}/legal-holds")) == (404, "case-unknown")
    assert (await pulang.officer().post(f"/intake/cases/{case}/erasure/approval")).status_code == 403


async def test_what_waits_for_a_second_person_is_listed_page_by_page(pulang: Pulang) -> None:
    cases = sorted([await person(pulang, register_anyway=True) for _ in range(3)])
    for case in cases:
        await ask(pulang, case)
    await approve(pulang, cases[1])
    waiting = (await head(pulang).get("/intake/erasures?status=requested")).json()["items"]
    assert [one["case_id"] for one in waiting] == [cases[0], cases[2]]
    seen, path = [], "/intake/erasures?limit=2"
    while path:
        page = (await pulang.administrator.get(path)).json()
        seen += [one["case_id"] for one in page["items"]]
        path = f"/intake/erasures?limit=2&after={page['next']}" if "next" in page else ""
    assert seen == cases
    assert (await supervisor(pulang, agency="kemensos").get("/intake/erasures")).json()["items"] == []


async def test_no_command_takes_an_erased_case(pulang: Pulang) -> None:
    case, living = await person(pulang), await person(pulang, register_anyway=True)
    await ShelterVoice(pulang).opens()
    await erased(pulang, case)
    day = {"occurred_at": "2026-11-09"}
    officer, chief = pulang.officer(), supervisor(pulang)
    refused = [
        await officer.post(f"/intake/cases/{case}/screenings", FINDING),
        await officer.post(f"/intake/cases/{case}/consents", consent(("iom", "identified"))),
        await officer.post("/intake/referrals", {"facility": "RPTC-TANJUNG-PINANG", "cases": [living, case]} | day),
        await chief.post("/intake/closures", {"outcome": "returned", "cases": [living, case]} | day),
        await chief.post(f"/intake/cases/{case}/reopening", day),
        await chief.post(f"/intake/cases/{case}/legal-holds", {"reason": "prosecution"}),
        await chief.post(f"/intake/cases/{case}/erasure/refusal", {"reason": "unfounded"}),
        await officer.post("/intake/cases", PERSON | AT | {"id": case}),
        await officer.put(f"/intake/cases/{case}/identity", {"name": "Nama"}, headers={"If-Match": '"1"'}),
    ]
    assert [kind(one) for one in refused] == [(410, "person-erased")] * len(refused)
    assert pointers(refused[2]) == pointers(refused[3]) == ["#/cases/1"]
    assert (await case_of(pulang, living))["referral_status"] == "none"
    assert facts(pulang, case)[-1] == "case.erased"


async def test_what_is_kept_of_the_case_is_what_the_figures_need(pulang: Pulang) -> None:
    case = await person(pulang)
    query = "/intake/figures?from=2026-01-01&until=2026-12-31"
    before = (await pulang.administrator.get(query)).json()
    await erased(pulang, case)
    kept = await case_of(pulang, case)
    assert kept["status"] == "erased"
    assert {"origin_regency", "destination_country", "row_key"}.isdisjoint(kept)
    assert kept["warnings"] == []
    after = (await pulang.administrator.get(query)).json()
    assert before.pop("identity_consent") == {"iom": 1}
    assert after.pop("identity_consent") == {}
    assert after == before
    listed = (await pulang.administrator.get("/intake/cases?status=erased")).json()["items"]
    assert [one["case_id"] for one in listed] == [case]


async def test_the_same_person_who_arrives_again_is_a_new_case(pulang: Pulang) -> None:
    case = await person(pulang)
    known = await pulang.officer().post("/intake/cases", PERSON | AT)
    assert kind(known) == (409, "known-already")
    await erased(pulang, case)
    again = str((await pulang.officer().done("/intake/cases", PERSON | AT))["case_id"])
    assert again != case
    assert kind(await pulang.officer().post("/intake/cases", PERSON | AT)) == (409, "known-already")


async def test_who_had_the_persons_consent_is_told_that_they_are_gone_and_a_stranger_nothing(pulang: Pulang) -> None:
    case = await person(pulang)
    await erased(pulang, case)
    answers = {
        agency: kind(await pulang.reader(agency).get(f"/intake/cases/{case}/identity?purpose=legal"))
        for agency in ("iom", "unicef")
    }
    assert answers == {"iom": (410, "person-erased"), "unicef": (403, "identity-refused")}
    noted = rows_of(pulang, "SELECT outcome FROM audit WHERE action = 'identity.read' AND subject = ?", case)
    assert noted == [("refused",), ("refused",)]


async def test_consent_does_not_expire_after_an_erasure(pulang: Pulang) -> None:
    case = await person(pulang)
    soon = consent(("kemensos", "identified"))
    soon["decisions"][0]["expires_on"] = "2026-11-10"
    await pulang.officer().done(f"/intake/cases/{case}/consents", soon)
    await erased(pulang, case)
    assert await intake_of(pulang).desk.write(expire_consents) == 0
    assert facts(pulang, case)[-1] == "case.erased"


async def test_a_question_to_a_shelter_is_taken_back_before(pulang: Pulang) -> None:
    case = await person(pulang)
    await ShelterVoice(pulang).opens()
    await refer(pulang, case)
    await erased(pulang, case)
    assert facts(pulang, case)[-2:] == ["referral.revoked", "case.erased"]
    assert rows_of(pulang, "SELECT status FROM referrals") == [("revoked",)]


async def test_what_a_shelter_says_afterwards_is_noted_and_changes_nothing(pulang: Pulang) -> None:
    case = await person(pulang)
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    await shelter.accepts(case)
    await shelter.checks_in(case)
    await erased(pulang, case)
    await shelter.checks_out(case)
    assert (await case_of(pulang, case))["status"] == "erased"
    assert kind(await pulang.staff().get(f"/intake/cases/{case}/identity?purpose=handover")) == (410, "person-erased")


def manifest(*rows: dict[str, Any]) -> dict[str, Any]:
    return AT | {"id": MANIFEST, "rows": list(rows)}


@pytest.mark.either_database
async def test_staged_rows_that_led_to_the_person_go_with_their_keys(pulang: Pulang) -> None:
    broken = PERSON | {"row_key": "salah", "sex": "?"}
    unrelated = PERSON | {"row_key": "kedua", "sex": "?", "name": "Orang Lain", "nik": None, "document": None}
    sent = await pulang.officer().done("/intake/manifests", manifest(broken, unrelated))
    assert [row["status"] for row in sent["rows"]] == ["unreadable", "unreadable"]
    mended = await pulang.officer().done("/intake/manifests", manifest(PERSON | {"row_key": "benar"}))
    case = mended["rows"][0]["case_id"]
    again = AT | {"id": UNKNOWN, "rows": [PERSON | {"row_key": "1"}]}
    assert (await pulang.officer().done("/intake/manifests", again))["rows"][0]["status"] == "duplicate"
    keys = dict(rows_of(pulang, "SELECT row_key, key_id FROM manifest_rows"))
    own = rows_of(pulang, "SELECT key_id FROM cases")[0][0]

    await erased(pulang, case)

    assert rows_of(pulang, "SELECT row_key FROM manifest_rows") == [("kedua",)]
    doomed = {key for (key,) in rows_of(pulang, "SELECT key_id FROM doomed_keys")}
    assert doomed == {own, keys["salah"], keys["1"]}


async def test_the_key_of_a_row_that_was_mended_goes_at_once(pulang: Pulang) -> None:
    await pulang.officer().done("/intake/manifests", manifest(PERSON | {"row_key": "1", "sex": "?"}))
    (key,) = rows_of(pulang, "SELECT key_id FROM manifest_rows")[0]
    await pulang.officer().done("/intake/manifests", manifest(PERSON | {"row_key": "1"}))
    await keys_gone(pulang)
    assert rows_of(pulang, "SELECT key_id, state FROM doomed_keys") == [(key, "gone")]


@pytest.mark.either_database
async def test_a_manifest_that_is_sent_again_does_not_bring_the_person_back(pulang: Pulang) -> None:
    body = manifest(PERSON | {"row_key": "TNJ-0001"})
    keyed = {"Idempotency-Key": "manifest"}
    first = (await pulang.officer().post("/intake/manifests", body, headers=keyed)).json()
    await erased(pulang, first["rows"][0]["case_id"])
    for headers in (keyed, {}):
        again = (await pulang.officer().post("/intake/manifests", body, headers=headers)).json()
        assert again["rows"][0]["case_id"] == first["rows"][0]["case_id"]
        assert again["registered"] == 1
    assert rows_of(pulang, "SELECT count(*) FROM cases") == [(1,)]
    assert rows_of(pulang, "SELECT count(*) FROM identities") == [(0,)]
    assert rows_of(pulang, "SELECT count(*) FROM cases WHERE row_key = 'TNJ-0001'") == [(0,)]
    reconciled = await supervisor(pulang).get(f"/intake/cases/{first['rows'][0]['case_id']}")
    assert "row_key" not in reconciled.json()


@pytest.mark.either_database
async def test_stored_answers_about_the_case_are_forgotten_and_no_others(pulang: Pulang) -> None:
    case, other = await person(pulang), await person(pulang, register_anyway=True)
    kept: list[set[Any]] = [set(rows_of(pulang, "SELECT key FROM answers"))]
    for number, one in enumerate((case, other)):
        finding = await pulang.officer().post(
            f"/intake/cases/{one}/screenings", FINDING, headers={"Idempotency-Key": f"s{number}"}
        )
        closed = await supervisor(pulang).post(
            "/intake/closures",
            {"outcome": "returned", "cases": [one], "occurred_at": "2026-11-09"},
            headers={"Idempotency-Key": f"c{number}"},
        )
        assert (finding.status_code, closed.status_code) == (201, 201)
        kept.append(set(rows_of(pulang, "SELECT key FROM answers")))
    before, first, both = kept
    assert (len(first - before), len(both - first)) == (2, 2)
    await erased(pulang, case)
    assert set(rows_of(pulang, "SELECT key FROM answers")) == both - first


@pytest.mark.either_database
async def test_two_who_approve_at_once_erase_once(pulang: Pulang) -> None:
    case = await person(pulang)
    await ask(pulang, case)
    path = f"/intake/cases/{case}/erasure/approval"
    answers = await asyncio.gather(*(supervisor(pulang, f"kepala-{number}").post(path) for number in range(6)))
    assert [one.status_code for one in answers] == [201] * 6
    assert len({one.text for one in answers}) == 1
    assert facts(pulang, case).count("case.erased") == 1


@pytest.mark.either_database
async def test_who_is_registered_again_while_they_are_erased_leaves_nothing_that_names_the_old_case(
    pulang: Pulang,
) -> None:
    """A row that is judged a duplicate of a case which is erased at that moment would keep the person's name."""
    for number in range(6):
        who = {"name": f"Contoh Nama {'ABCDEF'[number]}", "nik": f"350712570590000{number + 1}"}
        case = await person(pulang, **who)
        await ask(pulang, case)
        row = PERSON | who | {"row_key": "1"}
        body = AT | {"id": f"{MANIFEST[:-1]}{number}", "rows": [row]}
        await asyncio.gather(approve(pulang, case), pulang.officer().done("/intake/manifests", body))
        assert set(left_of(pulang, case).values()) == {0}
