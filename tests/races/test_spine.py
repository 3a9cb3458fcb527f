"""Two at the same moment, in what every service stands on."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.intake.main import INTAKE
from shared.http import idempotency
from shared.security import audit
from tests.races.racing import all_alike, blocked, kinds, race, statuses, told, under_way
from tests.services.psychosocial.hearing import desk_of
from tests.world import Pulang

ENTRY = """
INSERT INTO audit (at_ms, actor, agency, roles, action, subject, purpose, outcome)
VALUES (0, 'x', 'x', 'x', 'x', 'x', 'x', 'done')
"""
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


async def test_the_audit_log_is_one_chain_however_many_forge_it(tmp_path: Path) -> None:
    """While a lease changes hands, two may think that it is theirs; and an entry may be committed after later ones."""
    async with desk_of(INTAKE, tmp_path) as desk:

        async def enter() -> None:
            await desk.write(lambda work: work.session.execute(text(ENTRY)))

        await enter()
        async with blocked("intake", ENTRY) as late:
            await enter()
            async with blocked("intake", "SELECT 1 FROM audit WHERE position = 1 FOR UPDATE") as gate:
                forging = [asyncio.ensure_future(desk.write(audit.chain))]
                await under_way(gate, *forging)
                await late.execute("COMMIT")
                forging.append(asyncio.ensure_future(desk.write(audit.chain)))
                await under_way(gate, *forging)
        await asyncio.gather(*forging)
        assert await desk.read(lambda session: audit.broken_at(session, desk.secrets.audit)) is None
        chained = await desk.read(lambda session: session.scalars(text("SELECT number FROM audit ORDER BY 1")).all())
        assert chained == [1, 2, 3]
