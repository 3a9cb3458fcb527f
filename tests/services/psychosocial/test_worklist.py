"""Who is in care: opened by screening, followed by house."""

from tests.services.psychosocial.care import (
    APUS,
    PINANG,
    check_in,
    check_out,
    counsellor,
    in_care,
    open_houses,
    screen,
    worklist,
)
from tests.world import Pulang


async def test_a_screened_person_is_on_the_list_of_the_house_where_they_sleep(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang, layer=3)
    (entry,) = await worklist(counsellor(pulang))
    assert entry == {"case_id": case, "status": "open", "care_layer": 3, "facility": PINANG, "in_house": True}
    await screen(pulang, case, 4)
    await pulang.settled()
    assert [one["care_layer"] for one in await worklist(counsellor(pulang), facility=PINANG)] == [4]


async def test_who_was_screened_and_is_in_no_house_is_on_nobodys_list_yet(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await pulang.register()
    await screen(pulang, case, 2)
    await pulang.settled()
    assert await worklist(counsellor(pulang)) == []
    await check_in(pulang, case)
    assert [one["case_id"] for one in await worklist(counsellor(pulang))] == [case]


async def test_the_list_follows_closing_and_reopening(pulang: Pulang) -> None:
    await open_houses(pulang)
    case = await in_care(pulang)
    await check_out(pulang, case, "2026-11-08")
    (left,) = await worklist(counsellor(pulang), status="open")
    assert (left["facility"], left["in_house"]) == (PINANG, False)
    supervisor = pulang.user("supervisor", "bp2mi")
    await supervisor.done("/intake/closures", {"outcome": "returned", "cases": [case], "occurred_at": "2026-11-10"})
    await pulang.settled()
    assert [one["case_id"] for one in await worklist(counsellor(pulang), status="closed")] == [case]
    assert await worklist(counsellor(pulang), status="open") == []
    await supervisor.done(f"/intake/cases/{case}/reopening", {"occurred_at": "2026-11-12"})
    await pulang.settled()
    assert [one["status"] for one in await worklist(counsellor(pulang))] == ["open"]


async def test_each_house_sees_its_own_and_the_supervisor_those_of_the_agency(pulang: Pulang) -> None:
    await open_houses(pulang, PINANG, APUS)
    cases = sorted([await in_care(pulang), await in_care(pulang, shelter=APUS)])
    assert len(await worklist(counsellor(pulang))) == len(await worklist(counsellor(pulang, APUS))) == 1
    assert [one["case_id"] for one in await worklist(pulang.user("supervisor", "kemensos"))] == cases
    assert await worklist(pulang.user("supervisor", "bp2mi")) == []
    page = (await pulang.user("supervisor", "kemensos").get("/psychosocial/worklist", params={"limit": "1"})).json()
    assert len(page["items"]) == 1
    rest = await worklist(pulang.user("supervisor", "kemensos"), after=page["next"])
    assert [page["items"][0]["case_id"], rest[0]["case_id"]] == cases
    assert (await pulang.staff().get("/psychosocial/worklist")).status_code == 403
