"""Manifests and arrival points that cannot be; nothing changes, and the answer says where."""

import uuid
from typing import Any

from tests.services.intake.story import kind, pointers, rows_of
from tests.services.intake.test_registration import AT
from tests.world import Pulang

ROW = {"row_key": "1", "name": "Satu", "sex": "F"}
POINT = {"name": "Pos Baru", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}


def manifest(**change: Any) -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "rows": [ROW]} | AT | change


async def test_a_manifest_that_cannot_be_says_where(pulang: Pulang) -> None:
    await pulang.open_post()
    wrong: list[tuple[dict[str, Any], str]] = [
        (manifest(id="x"), "#/id"),
        (manifest(id=str(uuid.uuid4()).upper()), "#/id"),
        (manifest(rows=[]), "#/rows"),
        (manifest(rows=[ROW] * 2001), "#/rows"),
        (manifest(rows={"1": ROW}), "#/rows"),
        (manifest(rows=[ROW, "2"]), "#/rows/1"),
        (manifest(arrival_point="NOWHERE"), "#/arrival_point"),
        (manifest(arrival_point="tnj"), "#/arrival_point"),
        (manifest(arrival_date="2199-01-01"), "#/arrival_date"),
        (manifest(arrival_date="1066-10-14"), "#/arrival_date"),
        (manifest(arrival_date="03-11-2026"), "#/arrival_date"),
        (manifest(arrival_date=20261103), "#/arrival_date"),
        (manifest(ship="KM Contoh"), "#"),
    ]
    for body, pointer in wrong:
        answer = await pulang.officer().post("/intake/manifests", body)
        status = 404 if body["arrival_point"] == "NOWHERE" else 422
        assert (answer.status_code, pointers(answer)) == (status, [pointer]), body.keys()
    assert rows_of(pulang, "SELECT 1 FROM manifests") == []
    assert rows_of(pulang, "SELECT 1 FROM cases") == []


async def test_whatever_a_row_holds_it_is_judged_and_its_neighbours_go_on(pulang: Pulang) -> None:
    await pulang.open_post()
    deep: Any = "x"
    for _ in range(10):
        deep = [deep]
    strange: list[dict[str, Any]] = [
        ROW | {"row_key": "a", "extra": deep},
        ROW | {"row_key": "b", "name": "\ud800"},
        ROW | {"row_key": "c", "birth_date": float("nan")},
        ROW | {"row_key": "d", "birth_date": 10**400},
        ROW | {"row_key": "e" * 65},
        ROW | {"row_key": "f\x00"},
        ROW | {"row_key": "?" + "0" * 40},
        ROW | {"row_key": "", "name": "Kosong"},
        ROW | {"row_key": "g", "\x00": 1},
        {"name": {"first": "Satu"}, "row_key": "h", "sex": "F"},
    ]
    body = manifest(rows=[ROW | {"row_key": "0"}, *strange, ROW | {"row_key": "z"}])
    for _ in range(2):
        answer = await pulang.officer().done("/intake/manifests", body)
        assert [row["status"] for row in answer["rows"]] == [
            "registered",
            *["unreadable"] * len(strange),
            "registered",
        ]
        assert all(row["errors"][0]["pointer"].startswith("#") for row in answer["rows"][1:-1])
    reconciled = await pulang.officer().done(f"/intake/manifests/{body['id']}/reconciliation", None)
    assert (reconciled["registered"], reconciled["unreadable"]) == (2, len(strange))


PERSON = {"name": "Contoh Kunci Ani", "sex": "F", "nik": "3507125705900077", "phone": "+62 811-777-666"}
PERSON |= {"document": {"type": "SPLP", "number": "XK 777123"}, "birth_date": "1990-05-17"}
OF_THE_PERSON = """3507125705900077 3507.1257-0590:0099 1-3507125705900077 nik.3507125705900077 5900077 Contoh.Kunci
    Contoh kunci kunci-7 contohkunci 7.ani 62811777666 0811777666 hp:777666 XK777123 SPLP-XK777123 xk-777.123 777123
    1990-05-17 17.05.1990 kunci.1990-05-17 x170590 17-5-1990 1-17-05-90 1985-02-03"""
OF_THE_LIST = """1 0077 1990 TNJ-2026-11-03-0001 TNJ-20261103-0001 02-11-2026.7 TNJ-2026-0001 2026-11-000123 page1:row2
    12.1.3 0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"""


async def test_a_key_that_is_a_name_or_a_number_of_the_person_is_not_kept(pulang: Pulang) -> None:
    await pulang.open_post()
    others: list[dict[str, Any]] = [
        {"row_key": "siti.aminah", "name": "Siti\x00 Aminah", "sex": "F"},
        {"row_key": "siti.aminah", "nama": ["Siti Aminah"], "name": 5},
        {"row_key": "tunggal", "name": {"first": "Tunggal"}, "sex": "F"},
    ]
    body = manifest(rows=[PERSON | {"row_key": key} for key in OF_THE_PERSON.split()] + others)
    for row in (await pulang.officer().done("/intake/manifests", body))["rows"]:
        assert (row["status"], row.get("row_key")) == ("unreadable", None)
        assert "#/row_key" in [error["pointer"] for error in row["errors"]], row
    kept = rows_of(pulang, "SELECT row_key FROM manifest_rows")
    assert len(kept) == len(OF_THE_PERSON.split()) + len(others)
    assert all(key.startswith("?") for (key,) in kept)


async def test_a_key_of_the_lists_own_is_taken(pulang: Pulang) -> None:
    await pulang.open_post()
    rows = [PERSON | {"row_key": key, "register_anyway": True} for key in OF_THE_LIST.split()]
    answer = await pulang.officer().done("/intake/manifests", manifest(rows=rows))
    assert [row["row_key"] for row in answer["rows"]] == OF_THE_LIST.split()
    assert answer["registered"] == len(rows)


async def test_an_arrival_point_that_cannot_be_says_where(pulang: Pulang) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": ""}, "#/name"),
        ({"name": "a\tb"}, "#/name"),
        ({"agency": "BP2MI"}, "#/agency"),
        ({"agency": "b" * 33}, "#/agency"),
        ({"regency": "2172"}, "#/regency"),
        ({"time_zone": "Europe/Zurich"}, "#/time_zone"),
        ({"time_zone": None}, "#/time_zone"),
        ({"code": "TNJ"}, "#"),
    ]
    for change, pointer in wrong:
        answer = await pulang.administrator.put("/intake/arrival-points/TNJ", POINT | change)
        assert (answer.status_code, pointers(answer)) == (422, [pointer]), change
    for code in ("tnj", "T", "-TNJ", "T" * 41, "TNJ%00"):
        answer = await pulang.administrator.put(f"/intake/arrival-points/{code}", POINT)
        assert (answer.status_code, pointers(answer)) == (422, ["path.code"]), code
    assert rows_of(pulang, "SELECT 1 FROM places") == []
    for user in (pulang.officer(), pulang.staff(), pulang.user("supervisor", "bp2mi"), pulang.reader("bp2mi")):
        assert (await user.put("/intake/arrival-points/TNJ", POINT)).status_code == 403


async def test_a_reconciliation_of_what_is_not_there(pulang: Pulang) -> None:
    await pulang.open_post()
    path = "/intake/manifests/{}/reconciliation"
    assert kind(await pulang.officer().post(path.format(uuid.uuid4()))) == (404, "manifest-unknown")
    malformed = await pulang.officer().post(path.format("x"))
    assert (malformed.status_code, pointers(malformed)) == (422, ["path.manifest_id"])
