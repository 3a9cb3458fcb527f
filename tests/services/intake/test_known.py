"""A person who is known already, and who may be told where."""

import uuid
from typing import Any

from tests.services.intake.story import kind, rows_of
from tests.services.intake.test_registration import AT, PERSON
from tests.world import Pulang

AT_BTM = {"arrival_point": "BTM", "arrival_date": "2026-11-04"}


async def known_at_tnj(pulang: Pulang) -> str:
    await pulang.open_post()
    await pulang.open_post("BTM")
    return str((await pulang.officer().done("/intake/cases", PERSON | AT))["case_id"])


async def test_another_post_is_told_that_a_person_is_known_and_not_where(pulang: Pulang) -> None:
    known = await known_at_tnj(pulang)
    answer = await pulang.officer("BTM").post("/intake/cases", PERSON | AT_BTM)
    assert kind(answer) == (409, "known-already")
    assert known not in answer.text
    seen = await pulang.user("arrival_officer", "bp2mi", ["TNJ", "BTM"]).post("/intake/cases", PERSON | AT_BTM)
    assert seen.json()["known_case"] == known


async def test_a_manifest_names_a_known_case_only_to_who_may_see_it(pulang: Pulang) -> None:
    known = await known_at_tnj(pulang)
    body: dict[str, Any] = {"id": str(uuid.uuid4()), "rows": [PERSON | {"row_key": "1"}]} | AT_BTM
    path = f"/intake/manifests/{body['id']}/reconciliation"
    officer, both = pulang.officer("BTM"), pulang.user("arrival_officer", "bp2mi", ["TNJ", "BTM"])
    for answer in (await officer.post("/intake/manifests", body), await officer.post(path)):
        assert (answer.status_code, answer.json()["duplicates"]) == (201, 1)
        assert known not in answer.text
    for answer in (await both.post("/intake/manifests", body), await both.post(path)):
        assert answer.json()["rows"][0]["case_id"] == known


async def test_the_second_of_two_people_under_one_key_never_passes_for_the_first(pulang: Pulang) -> None:
    await pulang.open_post()
    rows = [{"row_key": "1", "name": "Satu", "sex": "F"}, {"row_key": "1", "name": "Dua", "sex": "M"}]
    body = {"id": str(uuid.uuid4()), "rows": rows} | AT
    for _ in range(2):
        answer = await pulang.officer().done("/intake/manifests", body)
        assert [row["status"] for row in answer["rows"]] == ["registered", "unreadable"]
    assert rows_of(pulang, "SELECT count(*) FROM cases") == [(1,)]


async def test_a_repeat_is_known_by_all_that_was_sent_also_after_a_correction(pulang: Pulang) -> None:
    await pulang.open_post()
    mine = PERSON | AT | {"id": str(uuid.uuid4())}
    first = await pulang.officer().done("/intake/cases", mine)
    for change in ({"birth_date": "1990-05-18"}, {"document": None}, {"origin_regency": "35.08"}, {"phone": "021 555"}):
        assert kind(await pulang.officer().post("/intake/cases", mine | change)) == (409, "id-taken")
    path = f"/intake/cases/{first['case_id']}/identity"
    corrected = await pulang.officer().put(path, {"name": "Nama Baru"}, headers={"If-Match": '"1"'})
    assert corrected.status_code == 200
    assert (await pulang.officer().done("/intake/cases", mine))["case_id"] == first["case_id"]


async def test_who_comes_after_the_reconciliation_opens_the_manifest_again(pulang: Pulang) -> None:
    await pulang.open_post()
    manifest = str(uuid.uuid4())
    path = f"/intake/manifests/{manifest}/reconciliation"
    for key, registered in (("1", 1), ("1", 1), ("2", 2)):
        row = {"row_key": key, "name": f"Orang {key}", "sex": "F"}
        await pulang.officer().done("/intake/manifests", {"id": manifest, "rows": [row]} | AT)
        assert (await pulang.officer().done(path, None))["registered"] == registered
    told = rows_of(pulang, "SELECT type FROM events WHERE subject = ? ORDER BY streamversion", manifest)
    assert [kind.split(".")[2] for (kind,) in told] == ["received", "reconciled", "reconciled"]
    assert kind(await pulang.officer("BTM").post(path)) == (404, "manifest-unknown")
