"""Two at the same moment, in what every service stands on."""

import asyncio

from shared.security import audit
from tests.races.racing import all_alike, held, kinds, race, service_of, statuses, told, under_way
from tests.world import Pulang

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


async def test_the_audit_log_is_one_chain_however_many_forge_it(pulang: Pulang) -> None:
    """While a lease changes hands, two may think that it is theirs."""
    await pulang.open_post()
    for _ in range(3):
        await pulang.register()
    desk = service_of(pulang, "intake").desk
    async with held("intake", "audit") as gate:
        forging = [asyncio.ensure_future(desk.write(audit.chain)) for _ in range(3)]
        await under_way(gate, *forging)
    await asyncio.gather(*forging)
    await desk.write(audit.chain)
    assert await desk.read(lambda session: audit.broken_at(session, desk.secrets.audit)) is None
    numbers = [number for (number,) in pulang.rows("intake", "SELECT number FROM audit ORDER BY number")]
    assert numbers == list(range(1, len(numbers) + 1))
