"""Identity: opened by custody or consent, with a purpose, and noted either way."""

import asyncio
from typing import Any

import httpx

from shared.auditing.walking import walk
from tests.services.intake.story import SHELTER, ShelterVoice, intake_of, kind, pointers, refer, rows_of, told
from tests.services.intake.test_consent import consent
from tests.services.intake.test_registration import AT, PERSON
from tests.world import Pulang, User

OTHER = "BALAI-MULYA-JAYA"
CHAINED_WITHIN_SECONDS = 10


async def person(pulang: Pulang) -> str:
    await pulang.open_post()
    body = PERSON | AT | {"phone": "+62 812 000 111 222"}
    return str((await pulang.officer().done("/intake/cases", body))["case_id"])


async def read(user: User, case: str, purpose: str = "handover") -> httpx.Response:
    return await user.get(f"/intake/cases/{case}/identity?purpose={purpose}")


async def correct(user: User, case: str, tag: str | None = '"1"', **change: Any) -> httpx.Response:
    body = {"name": "Nama Benar", "birth_date": "1991-01-01"} | change
    return await user.put(f"/intake/cases/{case}/identity", body, headers={"If-Match": tag} if tag else {})


async def test_the_post_reads_all_that_it_wrote(pulang: Pulang) -> None:
    case = await person(pulang)
    answer = await read(pulang.officer(), case)
    assert answer.json() == {
        "case_id": case,
        "name": PERSON["name"],
        "birth_date": PERSON["birth_date"],
        "nik": PERSON["nik"],
        "document": PERSON["document"],
        "phone": "+62 812 000 111 222",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["etag"] == '"1"'


async def test_custody_goes_with_the_person(pulang: Pulang) -> None:
    case, shelter = await person(pulang), ShelterVoice(pulang)
    await shelter.opens()
    post, house, other = pulang.officer(), pulang.staff(), pulang.staff(OTHER)

    async def opened_to() -> list[int]:
        return [(await read(user, case)).status_code for user in (post, house, other)]

    assert await opened_to() == [200, 403, 403]
    await refer(pulang, case)
    assert await opened_to() == [200, 403, 403]  # asked is not accepted
    await shelter.accepts(case)
    assert await opened_to() == [403, 200, 403]
    await shelter.checks_in(case)
    await shelter.checks_out(case)
    assert await opened_to() == [403, 200, 403]
    trip = {
        "id": case,
        "mode": "bus",
        "from_facility": SHELTER,
        "departs_on": "2026-11-08",
        "people": [{"case_id": case, "regency": "35.07"}],
    }
    await house.done("/intake/trips", trip)
    await house.done(f"/intake/trips/{case}/departure", {"occurred_at": "2026-11-08"})
    assert await opened_to() == [403, 200, 403]
    await house.done(f"/intake/trips/{case}/arrivals", {"occurred_at": "2026-11-09"})
    assert await opened_to() == [403, 403, 403]


async def test_custody_needs_the_place_in_the_token_and_a_role_that_handles_people(pulang: Pulang) -> None:
    case = await person(pulang)
    assert (await read(pulang.user("supervisor", "bp2mi", "TNJ"), case)).status_code == 200
    for user in (
        pulang.user("supervisor", "bp2mi"),  # the whole agency is not the place
        pulang.user("reader", "bp2mi", "TNJ"),
        pulang.reader("bp2mi"),
        pulang.administrator,
        pulang.user("auditor", "bp2mi"),
        pulang.user("counsellor", "kemensos", "TNJ"),
    ):
        answer = await read(user, case)
        assert answer.status_code == 403
        assert "Contoh" not in answer.text


async def test_consent_opens_the_identity_to_that_agency_at_level_identified(pulang: Pulang) -> None:
    case = await person(pulang)
    seen = []
    for level in ("pseudonymous", "identified", "pseudonymous", "withdrawn"):
        await pulang.officer().done(f"/intake/cases/{case}/consents", consent(("iom", level), ("unicef", "refused")))
        seen.append(
            [(await read(pulang.reader(agency), case, "legal")).status_code for agency in ("iom", "unicef", "bp2mi")]
        )
    assert seen == [[403, 403, 403], [200, 403, 403], [403, 403, 403], [403, 403, 403]]


async def test_an_unknown_case_is_refused_like_any_other(pulang: Pulang) -> None:
    case = await person(pulang)
    unknown = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
    refusals = [(await read(pulang.reader("iom"), one)).json() for one in (case, unknown)]
    assert refusals[0] == refusals[1]


async def test_a_purpose_is_needed(pulang: Pulang) -> None:
    case = await person(pulang)
    for query in ("", "?purpose=", "?purpose=curiosity", "?purpose=legal%00"):
        answer = await pulang.officer().get(f"/intake/cases/{case}/identity{query}")
        assert (answer.status_code, pointers(answer)) == (422, ["query.purpose"])


async def test_every_read_and_refusal_is_noted_and_chained(pulang: Pulang) -> None:
    case = await person(pulang)
    await read(pulang.officer(), case, "registration")
    await read(pulang.reader("iom"), case, "legal")
    await read(pulang.administrator, case, "health")
    await correct(pulang.officer(), case)
    await correct(pulang.user("supervisor", "bp2mi"), case, '"2"')
    await correct(pulang.staff(), case, '"2"')
    query = (
        "SELECT actor, action, subject, purpose, outcome FROM audit WHERE action LIKE 'identity.%' ORDER BY position"
    )
    assert rows_of(pulang, query) == [
        ("arrival_officer@bp2mi", "identity.read", case, "registration", "done"),
        ("reader@iom", "identity.read", case, "legal", "refused"),
        ("administrator@kemensos", "identity.read", case, "health", "refused"),
        ("arrival_officer@bp2mi", "identity.correct", case, "registration", "done"),
        ("supervisor@bp2mi", "identity.correct", case, "registration", "refused"),
        ("shelter_staff@kemensos", "identity.correct", case, "", "refused"),
    ]
    chained = asyncio.Event()
    desk = intake_of(pulang).desk
    desk.listeners.append(lambda _: chained.set())
    async with asyncio.timeout(CHAINED_WITHIN_SECONDS):
        while rows_of(pulang, "SELECT 1 FROM audit WHERE hash IS NULL LIMIT 1"):
            await chained.wait()
            chained.clear()
    numbers = [number for (number,) in rows_of(pulang, "SELECT number FROM audit ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))
    assert not (await desk.read(lambda session: walk(session, desk.secrets.audit))).findings


async def test_an_edited_note_breaks_the_chain(pulang: Pulang) -> None:
    await test_every_read_and_refusal_is_noted_and_chained(pulang)
    from sqlalchemy import update

    from shared.security.audit import AUDIT

    desk = intake_of(pulang).desk
    change = update(AUDIT).where(AUDIT.c.outcome == "refused").values(outcome="done")
    await desk.write(lambda work: work.session.execute(change))
    assert (await desk.read(lambda session: walk(session, desk.secrets.audit))).findings


async def test_a_correction_needs_what_was_read(pulang: Pulang) -> None:
    case = await person(pulang)
    officer = pulang.officer()
    assert kind(await correct(officer, case, None)) == (428, "precondition-required")
    for stale in ('"2"', '"0"', "1", 'W/"1"', ""):
        answer = await correct(officer, case, stale or '""')
        assert kind(answer) == (412, "precondition-failed"), stale
    first = await correct(officer, case)
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert kind(await correct(officer, case)) == (412, "precondition-failed")
    read_again = await read(officer, case)
    assert read_again.headers["etag"] == '"2"'
    assert read_again.json() == {"case_id": case, "name": "Nama Benar", "birth_date": "1991-01-01"}


async def test_who_is_corrected_is_found_by_what_is_right(pulang: Pulang) -> None:
    case = await person(pulang)
    right = {"nik": "3507124101910007", "birth_date": "1991-01-01", "name": "Nama Benar"}
    await correct(pulang.officer(), case, **right)
    found = await pulang.officer().post("/intake/cases", AT | right | {"name": "Entah", "sex": "F"})
    assert found.json()["known_case"] == case
    await pulang.officer().done("/intake/cases", PERSON | AT)  # what was wrong finds nobody


async def test_age_band_and_warnings_follow_a_correction(pulang: Pulang) -> None:
    case = await person(pulang)
    await correct(pulang.officer(), case, birth_date="2015-01-01", nik="12", document={"type": "SPLP"})
    state = (await pulang.officer().get(f"/intake/cases/{case}")).json()
    assert state["age_band"] == "9--17"
    assert state["warnings"] == ["nik_malformed", "document_number_missing"]
    alone = await pulang.officer().post(f"/intake/cases/{case}/consents", consent(("iom", "identified")))
    assert pointers(alone) == ["#/given_by"]
    assert [fact for fact, _ in told(pulang, case)] == ["case.registered"]


async def test_only_who_has_the_person_corrects(pulang: Pulang) -> None:
    case, shelter = await person(pulang), ShelterVoice(pulang)
    await shelter.opens()
    await shelter.accepts(case)
    for user in (pulang.officer(), pulang.user("supervisor", "bp2mi"), pulang.user("supervisor", "kemensos")):
        answer = await correct(user, case, "*")
        assert (answer.status_code, "Contoh" in answer.text) == (403, False)
    assert (await correct(pulang.user("supervisor", "kemensos", SHELTER), case)).status_code == 200


async def test_a_correction_that_cannot_be_says_where(pulang: Pulang) -> None:
    case = await person(pulang)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "#/name"),
        ({"name": "a\nb"}, "#/name"),
        ({"birth_date": "2026-11-04"}, "#/birth_date"),
        ({"birth_date": "1990-02-31"}, "#/birth_date"),
        ({"nik": 3507125705900003}, "#/nik"),
        ({"nik": "1" * 41}, "#/nik"),
        ({"document": {"type": "visa"}}, "#/document/type"),
        ({"document": {"type": "SPLP", "number": "é"}}, "#/document/number"),
        ({"phone": "x"}, "#/phone"),
        ({"sex": "M"}, "#"),
    ]
    for change, pointer in wrong:
        answer = await correct(pulang.officer(), case, **change)
        assert (answer.status_code, pointers(answer)) == (422, [pointer]), change
        for value in change.values():
            assert not isinstance(value, str) or len(value) < 3 or value not in answer.text
    assert (await read(pulang.officer(), case)).headers["etag"] == '"1"'
