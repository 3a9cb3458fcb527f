"""Screening: codes are told, circumstances are sealed."""

import uuid
from typing import Any

from tests.services.intake.story import case_of, facts, kind, pointers, rows_of, told
from tests.world import Pulang

FINDING: dict[str, Any] = {
    "trafficking_status": "ActualVictimOfTrafficking",
    "decided_by": "Police",
    "methods_of_control": ["WithholdsDocuments", "TakesEarnings"],
    "types_of_exploitation": ["ForcedLabour"],
    "needs": ["isolation", "ground_floor"],
    "care_layer": 3,
    "gender_based_violence": True,
    "pregnant": True,
    "disability": False,
    "note": "Dipukul majikan di Kuching",
    "occurred_at": "2026-11-03",
}


async def screened(pulang: Pulang, **change: Any) -> str:
    await pulang.open_post()
    case = await pulang.register()
    await pulang.officer().done(f"/intake/cases/{case}/screenings", FINDING | change)
    return case


async def test_the_finding_is_told_in_codes_and_nothing_else_of_it(pulang: Pulang) -> None:
    case = await screened(pulang)
    fact, event = told(pulang, case)[-1]
    assert fact == "case.screened"
    assert event["data"] == {
        key: FINDING[key]
        for key in ("decided_by", "methods_of_control", "types_of_exploitation", "needs", "care_layer")
    } | {"trafficking_status": "PossibleVictimOfTrafficking"}  # until a supervisor has approved that it is more
    assert event["time"] == "2026-11-03T05:00:00.000000Z"  # noon in Tanjung Pinang
    assert event["recordedtime"] > "2026-11-03T05"
    assert (await case_of(pulang, case))["phase"] == "screened"


async def test_circumstances_and_note_are_sealed_wherever_they_are_kept(pulang: Pulang) -> None:
    await screened(pulang)
    await pulang.settled()
    ((kept,),) = rows_of(pulang, "SELECT circumstances FROM screenings")
    content = b"".join(path.read_bytes() for path in pulang.settings.data.rglob("*") if path.is_file())
    for secret in (b"Kuching", b'pregnant":true', b'gender_based_violence":true'):
        assert secret not in kept
        assert secret not in content


async def test_a_later_finding_holds_and_both_are_told(pulang: Pulang) -> None:
    case = await screened(pulang)
    later = FINDING | {"trafficking_status": "NotAVictimOfTrafficking", "occurred_at": "2026-11-05"}
    await pulang.officer().done(f"/intake/cases/{case}/screenings", later)
    assert (await case_of(pulang, case))["trafficking_status"] == "NotAVictimOfTrafficking"
    assert facts(pulang, case) == ["case.registered", "case.screened", "case.screened"]


async def test_a_screening_of_the_clients_own_id_is_told_once(pulang: Pulang) -> None:
    await pulang.open_post()
    case, other, mine = await pulang.register(), await pulang.register(), {"id": str(uuid.uuid4())}
    path = f"/intake/cases/{case}/screenings"
    first = await pulang.officer().done(path, FINDING | mine)
    assert await pulang.officer().done(path, FINDING | mine) == first
    for change in ({"note": "Lain"}, {"care_layer": 4}, {"occurred_at": "2026-11-04"}):
        assert kind(await pulang.officer().post(path, FINDING | mine | change)) == (409, "id-taken")
    elsewhere = await pulang.officer().post(f"/intake/cases/{other}/screenings", FINDING | mine)
    assert kind(elsewhere) == (409, "id-taken")
    assert facts(pulang, case) == ["case.registered", "case.screened"]
    assert facts(pulang, other) == ["case.registered"]


IMPOSSIBLE: list[tuple[dict[str, Any], str]] = [
    ({"trafficking_status": "Victim"}, "#/trafficking_status"),
    ({"trafficking_status": None}, "#/trafficking_status"),
    ({"decided_by": "Me"}, "#/decided_by"),
    ({"methods_of_control": ["Beatings"]}, "#/methods_of_control/0"),
    ({"methods_of_control": "TakesEarnings"}, "#/methods_of_control"),
    ({"types_of_exploitation": ["ForcedLabour", 1]}, "#/types_of_exploitation/1"),
    ({"types_of_exploitation": ["ForcedLabour"] * 51}, "#/types_of_exploitation"),
    ({"needs": ["a lawyer"]}, "#/needs/0"),
    ({"care_layer": 5}, "#/care_layer"),
    ({"care_layer": 2**70}, "#/care_layer"),
    ({"pregnant": "perhaps"}, "#/pregnant"),
    ({"note": ""}, "#/note"),
    ({"note": "a\x00b"}, "#/note"),
    ({"occurred_at": "2199-01-01"}, "#/occurred_at"),
    ({"occurred_at": "2026-11-02"}, "#/occurred_at"),  # the day before the arrival
    ({"occurred_at": "1900-01-01"}, "#/occurred_at"),
]


async def test_a_finding_that_cannot_be_says_where(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    for change, pointer in IMPOSSIBLE:
        answer = await pulang.officer().post(f"/intake/cases/{case}/screenings", FINDING | change)
        assert answer.status_code == 422, change
        assert any(str(found).startswith(pointer) for found in pointers(answer)), (change, answer.text)
    unknown = await pulang.officer().post(f"/intake/cases/{case}/screenings", FINDING | {"reason": "x"})
    assert (unknown.status_code, pointers(unknown)) == (422, ["#"])
    assert (await case_of(pulang, case))["phase"] == "registered"
    assert facts(pulang, case) == ["case.registered"]


async def test_only_the_post_of_the_case_screens_and_only_an_open_case(pulang: Pulang) -> None:
    case = await screened(pulang)
    await pulang.open_post("BTM")
    path = f"/intake/cases/{case}/screenings"
    assert (await pulang.officer("BTM").post(path, FINDING)).status_code == 404
    assert (await pulang.staff().post(path, FINDING)).status_code == 403
    close = {"outcome": "withdrawn", "cases": [case], "occurred_at": "2026-11-04"}
    await pulang.user("supervisor", "bp2mi").done("/intake/closures", close)
    assert kind(await pulang.officer().post(path, FINDING)) == (409, "case-is-closed")
