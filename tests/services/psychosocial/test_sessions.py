"""Sessions: recorded one or many at a time, also late, and counted."""

import pytest

from tests.services.aid.goods import told
from tests.services.psychosocial.care import (
    APUS,
    NOTE,
    PINANG,
    check_out,
    counsellor,
    in_care,
    new_id,
    open_houses,
    session,
)
from tests.world import Pulang


@pytest.mark.either_database
async def test_a_session_is_told_with_its_layer_and_never_its_note(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    one = session(case, note=NOTE)
    answer = await counsellor(pulang).done("/psychosocial/sessions", {"sessions": [one]})
    assert answer["sessions"] == [
        {
            "session_id": one["id"],
            "case_id": case,
            "facility": PINANG,
            "layer": 3,
            "kind": "individual",
            "on": "2026-11-05",
            "has_note": True,
        }
    ]
    data = {"session": one["id"], "layer": 3, "kind": "individual", "on": "2026-11-05"}
    assert told(pulang, "psychosocial") == [("psychosocial.session_recorded", case, data)]
    listed = (await counsellor(pulang).get("/psychosocial/sessions", params={"case_id": case})).json()
    assert listed["items"] == answer["sessions"]


async def test_one_bad_session_and_none_is_recorded(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    good = session(case)
    for bad, status, pointer in (
        (session(new_id()), 404, "#/sessions/1/case_id"),
        (session(case, on="2026-11-02"), 422, "#/sessions/1/on"),
        (session(case, on="2999-01-01"), 422, "#/sessions/1/on"),
        (session(case, on=20261105), 422, "#/sessions/1/on"),
        (session(case, layer=5), 422, "#/sessions/1/layer"),
        (session(case, kind="magic"), 422, "#/sessions/1/kind"),
        (session(case, note="\u0000"), 422, "#/sessions/1/note"),
        (session(case, note="\ud800"), 422, "#/sessions/1/note"),
        (session(case, mood="low"), 422, "#/sessions/1"),
        (session(case, id=good["id"]), 422, "#/sessions/1/id"),
    ):
        refused = await counsellor(pulang).post("/psychosocial/sessions", {"sessions": [good, bad]})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (status, pointer), refused.text
        assert ("retry-after" in refused.headers) == (status == 404)
    assert told(pulang, "psychosocial") == []
    assert (await counsellor(pulang).get("/psychosocial/sessions")).json()["items"] == []


async def test_repeats_change_nothing_and_other_content_is_refused(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    first = session(case, note=NOTE)
    answer = await counsellor(pulang).done("/psychosocial/sessions", {"sessions": [first]})
    assert await counsellor(pulang).done("/psychosocial/sessions", {"sessions": [first]}) == answer
    await counsellor(pulang).done("/psychosocial/sessions", {"sessions": [session(case), first]})
    assert len(told(pulang, "psychosocial")) == 2
    for change in ({"layer": 1}, {"on": "2026-11-06"}, {"note": "lain"}, {"note": None}):
        refused = await counsellor(pulang).post("/psychosocial/sessions", {"sessions": [first | change]})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (409, "#/sessions/0/id")
        assert NOTE not in refused.text


async def test_a_session_can_be_written_down_after_the_person_left(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    await check_out(pulang, case, "2026-11-08")
    late = [session(case), session(case, on="2026-11-08")]
    answer = await counsellor(pulang).done("/psychosocial/sessions", {"sessions": late})
    assert [one["facility"] for one in answer["sessions"]] == [PINANG, PINANG]


async def test_a_house_that_never_had_the_person_finds_no_such_case(pulang: Pulang) -> None:
    await open_houses(pulang, PINANG, APUS)
    case = await in_care(pulang)
    one = session(case)
    stranger = counsellor(pulang, APUS, "orang-lain")
    refused = await stranger.post("/psychosocial/sessions", {"sessions": [one]})
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/case-unknown")
    await counsellor(pulang).done("/psychosocial/sessions", {"sessions": [one]})
    assert (await stranger.get("/psychosocial/sessions")).json()["items"] == []
    again = await stranger.post("/psychosocial/sessions", {"sessions": [one]})
    assert again.status_code == 404


async def test_the_figures_count_by_layer_and_day(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    sessions = [session(case), session(case), session(case, layer=1, on="2026-11-04"), session(case, on="2026-11-06")]
    await counsellor(pulang).done("/psychosocial/sessions", {"sessions": sessions})

    async def figures(agency: str, since: str, until: str) -> object:
        supervisor = pulang.user("supervisor", agency)
        return (await supervisor.get("/psychosocial/figures", params={"from": since, "until": until})).json()

    whole = {"psychosocial_sessions": 4, "by_layer": {"1": 1, "3": 3}}
    assert await figures("kemensos", "2026-11-04", "2026-11-06") == whole
    part = {"psychosocial_sessions": 2, "by_layer": {"3": 2}}
    assert await figures("kemensos", "2026-11-05", "2026-11-05") == part
    assert await figures("iom", "2026-11-04", "2026-11-06") == {"psychosocial_sessions": 0, "by_layer": {}}
