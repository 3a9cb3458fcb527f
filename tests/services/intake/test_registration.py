"""Registering people."""

import uuid
from typing import Any

from tests.world import Pulang

PERSON: dict[str, Any] = {
    "name": "Contoh Nama",
    "sex": "F",
    "birth_date": "1990-05-17",
    "nik": "3507125705900003",
    "document": {"type": "SPLP", "number": "XD000001"},
    "origin_regency": "35.07",
    "destination_country": "MY",
}
AT = {"arrival_point": "TNJ", "arrival_date": "2026-11-03"}


async def manifest(pulang: Pulang, rows: list[Any], manifest_id: str | None = None) -> dict[str, Any]:
    body = {"id": manifest_id or str(uuid.uuid4()), "rows": rows} | AT
    return await pulang.officer().done("/intake/manifests", body)


async def test_a_person_is_registered_and_the_other_tables_know_no_more_than_they_must(pulang: Pulang) -> None:
    await pulang.open_post()
    answer = await pulang.officer().done("/intake/cases", PERSON | AT)
    assert answer["age_band"] == "30--38"
    assert answer["warnings"] == []
    case = (await pulang.officer().get(f"/intake/cases/{answer['case_id']}")).json()
    assert (case["status"], case["phase"], case["sex"]) == ("open", "registered", "F")
    assert "Contoh" not in str(case)
    assert PERSON["nik"][:8] not in str(case)  # four of its digits are in a random id, sooner or later


async def test_identity_is_nowhere_in_clear_on_disk(pulang: Pulang) -> None:
    await pulang.open_post()
    await pulang.officer().done("/intake/cases", PERSON | AT | {"phone": "+62 812 000 111 222"})
    unreadable = {"row_key": "9", "name": "Tanpa Tanggal", "sex": "F", "birth_date": "1990-02-31"}
    await manifest(pulang, [unreadable])
    await pulang.settled()
    content = b"".join(path.read_bytes() for path in pulang.settings.data.rglob("*") if path.is_file())
    for secret in ("Contoh Nama", "1990-05-17", "3507125705900003", "XD000001", "812 000 111", "Tanpa Tanggal"):
        assert secret.encode() not in content, secret


async def test_the_same_client_id_is_the_same_case(pulang: Pulang) -> None:
    await pulang.open_post()
    case_id = str(uuid.uuid4())
    first = await pulang.officer().done("/intake/cases", PERSON | AT | {"id": case_id})
    again = await pulang.officer().done("/intake/cases", PERSON | AT | {"id": case_id})
    assert again == first
    other = await pulang.officer().post("/intake/cases", PERSON | AT | {"id": case_id, "name": "Orang Lain"})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/id-taken")
    assert len((await pulang.officer().get("/intake/cases")).json()["items"]) == 1


async def test_a_known_person_is_pointed_to_and_can_be_registered_anyway(pulang: Pulang) -> None:
    await pulang.open_post()
    known = await pulang.officer().done("/intake/cases", PERSON | AT)
    again = await pulang.officer().post("/intake/cases", PERSON | AT)
    assert again.status_code == 409
    assert again.json()["known_case"] == known["case_id"]
    await pulang.officer().done("/intake/cases", PERSON | AT | {"register_anyway": True})


async def test_a_document_number_that_two_people_have_is_no_obstacle(pulang: Pulang) -> None:
    await pulang.open_post()
    await pulang.officer().done("/intake/cases", PERSON | AT)
    await pulang.officer().done("/intake/cases", PERSON | AT | {"name": "Orang Lain", "nik": None})


async def test_who_came_home_and_left_again_gets_a_new_case(pulang: Pulang) -> None:
    await pulang.open_post()
    case_id = (await pulang.officer().done("/intake/cases", PERSON | AT))["case_id"]
    supervisor = pulang.user("supervisor", "bp2mi")
    await supervisor.done("/intake/closures", {"outcome": "withdrawn", "cases": [case_id], "occurred_at": "2026-11-04"})
    await pulang.officer().done("/intake/cases", PERSON | AT)


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"name": None}, "#/name"),
    ({"name": ""}, "#/name"),
    ({"name": "a\x00b"}, "#/name"),
    ({"name": "\ud800"}, "#/name"),
    ({"sex": "X"}, "#/sex"),
    ({"sex": ["F"]}, "#/sex"),
    ({"birth_date": "1990-02-31"}, "#/birth_date"),
    ({"birth_date": "2026-11-04"}, "#/birth_date"),
    ({"birth_date": 641865600}, "#/birth_date"),
    ({"birth_date": "0001-01-01"}, "#/birth_date"),
    ({"birth_date": "99999-01-01"}, "#/birth_date"),
    ({"arrival_date": "2199-01-01"}, "#/arrival_date"),
    ({"arrival_date": "2026-11-31"}, "#/arrival_date"),
    ({"arrival_point": "NOWHERE"}, "#/arrival_point"),
    ({"origin_regency": "3507"}, "#/origin_regency"),
    ({"destination_country": "Malaysia"}, "#/destination_country"),
    ({"document": {"type": "visa"}}, "#/document/type"),
    ({"phone": "call me"}, "#/phone"),
    ({"nickname": "x"}, "#"),
    ({"id": "not-a-uuid"}, "#/id"),
]


async def test_a_registration_that_cannot_be_says_where_and_why(pulang: Pulang) -> None:
    await pulang.open_post()
    for change, pointer in IMPOSSIBLE:
        answer = await pulang.officer().post("/intake/cases", PERSON | AT | change)
        assert answer.status_code == (404 if change.get("arrival_point") == "NOWHERE" else 422), change
        assert answer.headers["content-type"] == "application/problem+json"
        assert pointer in [error.get("pointer") for error in answer.json()["errors"]], (change, answer.text)
    assert (await pulang.officer().get("/intake/cases")).json()["items"] == []


async def test_a_broken_row_never_sinks_its_neighbours(pulang: Pulang) -> None:
    await pulang.open_post()
    rows = [
        {"row_key": "1", "name": "Satu", "sex": "F"},
        {"row_key": "2", "name": "Dua", "sex": "F", "birth_date": "1990-02-31"},
        {"row_key": "3"},
        {"row_key": {"a": 1}, "name": "Empat", "sex": "M"},
        {"name": "Lima", "sex": "M", "\ud800": 1},
        {},
        {"row_key": "7", "name": "Tujuh", "sex": "M", "birth_date": "2026-11-04"},
        {"row_key": "1", "name": "Delapan", "sex": "M"},
        {"row_key": "9", "name": "Sembilan", "sex": "M", "nik": "53060401016"},
        PERSON | {"row_key": "10"},
        PERSON | {"row_key": "11"},
    ]
    answer = await manifest(pulang, rows)
    assert [row["status"] for row in answer["rows"]] == [
        "registered",
        *["unreadable"] * 7,
        "registered",
        "registered",
        "duplicate",
    ]
    assert (answer["registered"], answer["duplicates"], answer["unreadable"]) == (3, 1, 7)
    assert answer["rows"][8]["warnings"] == ["nik_malformed", "birth_date_missing"]
    assert answer["rows"][10]["case_id"] == answer["rows"][9]["case_id"]
    assert len((await pulang.officer().get("/intake/cases")).json()["items"]) == 3


async def test_a_manifest_sent_again_registers_nobody_twice_and_takes_mended_rows(pulang: Pulang) -> None:
    await pulang.open_post()
    rows = [{"row_key": "1", "name": "Satu", "sex": "F"}, {"row_key": "2", "name": "Dua", "sex": "?"}]
    first = await manifest(pulang, rows, manifest_id := str(uuid.uuid4()))
    again = await manifest(pulang, rows, manifest_id)
    assert again == first
    rows[1]["sex"] = "M"
    mended = await manifest(pulang, rows, manifest_id)
    assert [row["status"] for row in mended["rows"]] == ["registered", "registered"]
    assert mended["rows"][0]["case_id"] == first["rows"][0]["case_id"]
    reconciled = await pulang.officer().done(f"/intake/manifests/{manifest_id}/reconciliation", None)
    assert (reconciled["registered"], reconciled["unreadable"]) == (2, 0)


async def test_rows_that_could_not_be_read_are_kept_and_counted(pulang: Pulang) -> None:
    await pulang.open_post()
    manifest_id = str(uuid.uuid4())
    await manifest(pulang, [{"row_key": "1", "name": "Satu"}, {"x": 1}, {"y": 2}], manifest_id)
    await manifest(pulang, [{"x": 1}], manifest_id)
    reconciled = await pulang.officer().done(f"/intake/manifests/{manifest_id}/reconciliation", None)
    assert reconciled["unreadable"] == 3


async def test_a_manifest_id_belongs_to_one_arrival(pulang: Pulang) -> None:
    await pulang.open_post()
    manifest_id = str(uuid.uuid4())
    await manifest(pulang, [{"row_key": "1", "name": "Satu", "sex": "F"}], manifest_id)
    body = {"id": manifest_id, "rows": [{"row_key": "2", "name": "Dua", "sex": "F"}]} | AT
    other = await pulang.officer().post("/intake/manifests", body | {"arrival_date": "2026-11-02"})
    assert other.status_code == 409


async def test_an_officer_registers_at_their_own_post_alone(pulang: Pulang) -> None:
    await pulang.open_post()
    await pulang.open_post("BTM")
    elsewhere = await pulang.officer("BTM").post("/intake/cases", PERSON | AT)
    assert (elsewhere.status_code, elsewhere.json()["type"]) == (404, "/problems/place-unknown")
    mine = await pulang.register()
    assert (await pulang.officer("BTM").get(f"/intake/cases/{mine}")).status_code == 404
    assert (await pulang.officer("BTM").get("/intake/cases")).json()["items"] == []
    assert len((await pulang.user("supervisor", "bp2mi").get("/intake/cases")).json()["items"]) == 1
    assert (await pulang.user("supervisor", "kemensos").get("/intake/cases")).json()["items"] == []


async def test_cases_come_in_pages_that_do_not_shift(pulang: Pulang) -> None:
    await pulang.open_post()
    await manifest(pulang, [{"row_key": str(n), "name": f"Orang {n}", "sex": "F"} for n in range(25)])
    seen, after = [], ""
    while True:
        page = (await pulang.officer().get(f"/intake/cases?limit=10{after}")).json()
        seen += [case["case_id"] for case in page["items"]]
        if "next" not in page:
            break
        await pulang.register(name="Datang Kemudian")
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) >= 25
    assert seen == sorted(seen)


async def test_arrival_points_change_only_under_if_match(pulang: Pulang) -> None:
    await pulang.open_post()
    body = {"name": "Baru", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    path = "/intake/arrival-points/TNJ"
    assert (await pulang.administrator.put(path, body)).status_code == 428
    assert (await pulang.administrator.put(path, body, headers={"If-Match": '"7"'})).status_code == 412
    tag = (await pulang.administrator.get("/intake/places/TNJ")).headers["etag"]
    changed = await pulang.administrator.put(path, body, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["name"]) == (200, "Baru")
    assert changed.headers["etag"] != tag
