"""Two at the same moment, in psychosocial."""

import pytest

from tests.races.racing import all_alike, kinds, race, statuses, told
from tests.services.psychosocial.care import NOTE, counsellor, in_care, open_houses, session
from tests.world import Pulang

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_session_sent_twice_is_answered_alike(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    body = {"sessions": [session(case, note=NOTE)]}
    answers = await race(
        "psychosocial", "sessions", *(counsellor(pulang).post("/psychosocial/sessions", body) for _ in range(3))
    )
    assert all_alike(answers)
    assert await told(pulang, "psychosocial", case) == ["psychosocial.session_recorded"]


async def test_two_sessions_cannot_have_one_id(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    one = session(case)
    answers = await race(
        "psychosocial",
        "sessions",
        *(
            counsellor(pulang).post("/psychosocial/sessions", {"sessions": [one | {"layer": layer}]})
            for layer in (2, 3)
        ),
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["id-taken"])


async def test_groups_that_share_a_session_record_it_once(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    one, two, three = (session(case) for _ in range(3))
    answers = await race(
        "psychosocial",
        "sessions",
        *(
            counsellor(pulang).post("/psychosocial/sessions", {"sessions": group})
            for group in ([one, two], [two, three], [three, one])
        ),
    )
    assert statuses(answers) == {201: 3}
    assert await told(pulang, "psychosocial", case) == ["psychosocial.session_recorded"] * 3


async def test_two_who_write_first_about_a_person_seal_with_one_key(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    written = [session(case, note=f"{NOTE} {n}") for n in range(3)]
    answers = await race(
        "psychosocial",
        "case_keys",
        *(counsellor(pulang).post("/psychosocial/sessions", {"sessions": [one]}) for one in written),
    )
    assert statuses(answers) == {201: 3}
    assert len(pulang.rows("psychosocial", "SELECT key_id FROM case_keys")) == 1
    for one in written:
        answer = await counsellor(pulang).get(f"/psychosocial/sessions/{one['id']}/note")
        assert answer.json()["note"] == one["note"]
