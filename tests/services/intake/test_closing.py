"""Closure, and what it ends with it; reopening."""

import uuid
from typing import Any

from tests.services.intake.approving import close_with_approval
from tests.services.intake.story import SHELTER, ShelterVoice, case_of, facts, kind, pointers, refer, told
from tests.world import Pulang


def closure(*cases: str, outcome: str = "withdrawn", on: str = "2026-11-05") -> dict[str, Any]:
    return {"outcome": outcome, "cases": list(cases), "occurred_at": on}


async def people(pulang: Pulang, count: int) -> list[str]:
    await pulang.open_post()
    return [await pulang.register() for _ in range(count)]


async def test_a_group_is_closed_with_one_outcome_once(pulang: Pulang) -> None:
    cases = await people(pulang, 3)
    supervisor = pulang.user("supervisor", "bp2mi")
    await supervisor.done("/intake/closures", closure(cases[0]))
    answer = await supervisor.done("/intake/closures", closure(*cases))
    assert answer["cases"] == cases
    await supervisor.done("/intake/closures", closure(*cases))
    for case in cases:
        assert facts(pulang, case) == ["case.registered", "case.closed"]
        assert told(pulang, case)[-1][1]["data"] == {"outcome": "withdrawn"}
        state = await case_of(pulang, case)
        assert (state["status"], state["outcome"]) == ("closed", "withdrawn")


async def test_nobody_is_closed_where_one_cannot_be(pulang: Pulang) -> None:
    one, two, gone = await people(pulang, 3)
    later = await pulang.register(arrival_date="2026-11-06")
    supervisor = pulang.user("supervisor", "bp2mi")
    await supervisor.done("/intake/closures", closure(gone, outcome="disappeared"))
    refused: list[tuple[dict[str, Any], tuple[int, str], list[str]]] = [
        (closure(one, gone, two), (409, "case-is-closed"), ["#/cases/1"]),
        (closure(one, str(uuid.uuid4())), (404, "case-unknown"), ["#/cases/1"]),
        (closure(one, two, one), (422, "named-twice"), ["#/cases/2"]),
        (closure(one, later), (422, "impossible-date"), ["#/cases/1"]),
        (closure(one, on="2199-01-01"), (422, "impossible-date"), ["#/occurred_at"]),
        (closure(one, outcome="tired"), (422, "invalid"), ["#/outcome"]),
        (closure(), (422, "invalid"), ["#/cases"]),
    ]
    for body, problem, where in refused:
        answer = await supervisor.post("/intake/closures", body)
        assert (kind(answer), pointers(answer)) == (problem, where)
    stranger = await pulang.user("supervisor", "kemensos").post("/intake/closures", closure(one))
    assert kind(stranger) == (404, "case-unknown")
    assert (await pulang.officer().post("/intake/closures", closure(one))).status_code == 403
    for case in (one, two, later):
        assert facts(pulang, case) == ["case.registered"]


async def test_a_question_without_an_answer_is_taken_back(pulang: Pulang) -> None:
    (case,) = await people(pulang, 1)
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    (referral,) = await refer(pulang, case)
    await close_with_approval(pulang, case)
    assert facts(pulang, case)[-2:] == ["referral.revoked", "case.closed"]
    listed = (await pulang.officer().get(f"/intake/cases/{case}/referrals")).json()["items"]
    assert [(one["referral_id"], one["status"]) for one in listed] == [(referral, "revoked")]
    body = {"facility": SHELTER, "cases": [case], "occurred_at": "2026-11-06"}
    assert kind(await pulang.officer().post("/intake/referrals", body)) == (409, "case-is-closed")


async def test_a_closed_case_goes_on(pulang: Pulang) -> None:
    (case,) = await people(pulang, 1)
    supervisor, path = pulang.user("supervisor", "bp2mi"), f"/intake/cases/{case}/reopening"
    assert kind(await supervisor.post(path, {"occurred_at": "2026-11-06"})) == (409, "case-is-not-closed")
    await supervisor.done("/intake/closures", closure(case))
    for when, pointer in (("2199-01-01", "#/occurred_at"), ("2026-11-02", "#/occurred_at"), (None, "#/occurred_at")):
        answer = await supervisor.post(path, {"occurred_at": when})
        assert answer.status_code == 422
        assert any(str(found).startswith(pointer) for found in pointers(answer))
    await supervisor.done(path, {"occurred_at": "2026-11-06"})
    state = await case_of(pulang, case)
    assert (state["status"], "outcome" in state) == ("reopened", False)
    assert kind(await supervisor.post(path, {"occurred_at": "2026-11-06"})) == (409, "case-is-not-closed")
    await supervisor.done("/intake/closures", closure(case, outcome="disappeared", on="2026-11-07"))
    assert facts(pulang, case)[1:] == ["case.closed", "case.reopened", "case.closed"]
    assert (await pulang.user("supervisor", "kemensos").post(path, {"occurred_at": "2026-11-08"})).status_code == 404


async def test_news_of_a_closed_case_is_noted(pulang: Pulang) -> None:
    (case,) = await people(pulang, 1)
    shelter = ShelterVoice(pulang)
    await shelter.opens()
    await shelter.accepts(case)
    await close_with_approval(pulang, case)
    await shelter.checks_in(case)
    assert (await case_of(pulang, case))["stay_status"] == "checked_in"
