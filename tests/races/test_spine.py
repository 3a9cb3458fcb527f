"""Two at the same moment, in what every service stands on."""

from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared.http import idempotency
from tests.races.racing import all_alike, kinds, race, statuses, told
from tests.world import Pulang

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERSON = {"name": "Contoh Nama", "sex": "F", "arrival_point": "TNJ", "arrival_date": "2026-11-03"}


async def test_one_idempotency_key_takes_effect_once(pulang: Pulang) -> None:
    await pulang.open_post()
    key = {"Idempotency-Key": "once"}
    answers = await race(
        "intake", "cases", *(pulang.officer().post("/intake/cases", PERSON, headers=key) for _ in range(4))
    )
    assert all_alike(answers)
    assert sorted("Idempotency-Replayed" in answer.headers for answer in answers) == [False, True, True, True]
    ((case,),) = pulang.rows("intake", "SELECT case_id FROM cases")
    assert await told(pulang, "intake", case) == ["case.registered"]


async def test_one_idempotency_key_is_for_one_body(pulang: Pulang) -> None:
    await pulang.open_post()
    key = {"Idempotency-Key": "once"}
    bodies = [PERSON, PERSON | {"name": "Contoh Lain"}]
    answers = await race(
        "intake", "cases", *(pulang.officer().post("/intake/cases", body, headers=key) for body in bodies)
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 422: 1}, ["key-used-for-another-request"])


async def test_a_refused_request_leaves_its_key_to_the_one_that_waited(pulang: Pulang) -> None:
    """The first is refused after it reserved the key; the other, who waited for it, is judged on its own."""
    await pulang.open_post()
    known = PERSON | {"nik": "3507015705900001"}
    await pulang.officer().done("/intake/cases", known)
    key = {"Idempotency-Key": "once"}
    answers = await race(
        "intake", "answers", *(pulang.officer().post("/intake/cases", known, headers=key) for _ in range(2))
    )
    assert (statuses(answers), set(kinds(answers))) == ({409: 2}, {"known-already"})


async def test_an_answer_may_be_forgotten_while_it_is_looked_for(
    pulang: Pulang, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old answers are dropped beside the requests: between the key that is taken and what stands under it."""
    await pulang.open_post()
    key = {"Idempotency-Key": "once"}
    assert (await pulang.officer().post("/intake/cases", PERSON, headers=key)).status_code == 201
    look = idempotency._STORED.all

    def forgotten_before(session: Session, **place: Any) -> list[Any]:
        pulang.rows("intake", "DELETE FROM answers")
        return look(session, **place)

    monkeypatch.setattr(idempotency._STORED, "all", forgotten_before)
    answer = await pulang.officer().post("/intake/cases", PERSON, headers=key)
    assert (answer.status_code, kinds([answer])) == (409, ["request-in-flight"])


async def test_facts_of_one_stream_are_counted_without_a_gap(pulang: Pulang) -> None:
    await pulang.open_post()
    case = await pulang.register()
    body = {"trafficking_status": "NotAVictimOfTrafficking", "occurred_at": "2026-11-03"}
    answers = await race(
        "intake",
        "streams",
        *(pulang.officer().post(f"/intake/cases/{case}/screenings", body) for _ in range(6)),
    )
    assert statuses(answers) == {201: 6}
    assert await told(pulang, "intake", case) == ["case.registered", *["case.screened"] * 6]
    await pulang.settled()
    heard = pulang.rows("exchange", "SELECT streamversion FROM stored_events WHERE subject = ? ORDER BY position", case)
    assert [version for (version,) in heard] == list(range(1, 8))
