"""Handing goods to people."""

import asyncio

from tests.services.aid.goods import DAY, KIT, PINANG, donate, issue, new_id, officer, people, stock, told
from tests.world import Pulang


async def test_a_group_is_given_their_kits(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 3)
    await donate(pulang, 100)
    body = issue(cases)
    answer = await officer(pulang).done("/aid/issues", body)
    assert [one["case_id"] for one in answer["issues"]] == cases
    assert {(one["quantity"], one["on"], one["item"]) for one in answer["issues"]} == {(1, DAY, KIT)}
    assert await stock(pulang) == 97
    issued = [(subject, data) for kind, subject, data in told(pulang) if kind == "aid.issued"]
    assert [subject for subject, _ in issued] == cases
    assert issued[0][1] == {
        "issue": body["people"][0]["issue_id"],
        "store": PINANG,
        "item": KIT,
        "quantity": 1,
        "on": DAY,
    }


async def test_a_kit_that_is_not_there_leaves_everything_as_it_was(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 3)
    await donate(pulang, 2)
    refused = await officer(pulang).post("/aid/issues", issue(cases))
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/not-in-stock")
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["#/people/2"]
    never_had = await officer(pulang).post("/aid/issues", issue(cases[:1], item="blanket"))
    assert (never_had.status_code, never_had.json()["errors"][0]["pointer"]) == (409, "#/people/0")
    assert await stock(pulang) == 2
    assert not [kind for kind, _, _ in told(pulang) if kind == "aid.issued"]


async def test_many_reach_for_the_last_kit_and_one_gets_it(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 12)
    await donate(pulang, 1)
    answers = await asyncio.gather(*(officer(pulang).post("/aid/issues", issue([case])) for case in cases))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert await stock(pulang) == 0


async def test_someone_whom_aid_has_not_heard_of_may_come_soon(pulang: Pulang) -> None:
    await pulang.open_shelter()
    (known,) = await people(pulang, 1)
    await donate(pulang, 10)
    refused = await officer(pulang).post("/aid/issues", issue([known, new_id(), new_id()]))
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/case-unknown")
    assert refused.headers["retry-after"] == "1"
    assert [fault["pointer"] for fault in refused.json()["errors"]] == ["#/people/1/case_id", "#/people/2/case_id"]
    assert await stock(pulang) == 10


async def test_the_same_issue_again_takes_nothing_more(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 3)
    await donate(pulang, 3)
    first = issue(cases[:2])
    answer = await officer(pulang).done("/aid/issues", first)
    assert await officer(pulang).done("/aid/issues", first) == answer
    grown = first | {"people": [*first["people"], *issue(cases[2:])["people"]]}
    assert len((await officer(pulang).done("/aid/issues", grown))["issues"]) == 3
    assert await stock(pulang) == 0
    assert len([kind for kind, _, _ in told(pulang) if kind == "aid.issued"]) == 3


async def test_an_id_stands_for_one_issue(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 2)
    await donate(pulang, 10)
    first = issue(cases[:1])
    await officer(pulang).done("/aid/issues", first)
    other = [{"case_id": cases[1], "issue_id": first["people"][0]["issue_id"]}]
    for changed in (first | {"people": other}, first | {"occurred_at": "2026-11-04"}):
        refused = await officer(pulang).post("/aid/issues", changed)
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/id-taken")
        assert refused.json()["errors"][0]["pointer"] == "#/people/0/issue_id"
    twice = await officer(pulang).post("/aid/issues", first | {"people": first["people"] * 2})
    assert (twice.status_code, twice.json()["errors"][0]["pointer"]) == (422, "#/people/1/issue_id")
    assert await stock(pulang) == 9


async def test_bad_input_is_told_with_its_place(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 1)
    await donate(pulang, 10)
    good = issue(cases)
    person = good["people"][0]
    for changed, pointer in (
        (good | {"colour": "red"}, "#"),
        (good | {"occurred_at": "2999-01-01"}, "#/occurred_at"),
        (good | {"occurred_at": "2026-02-31"}, "#/occurred_at"),
        (good | {"item": "soap\u0000"}, "#/item"),
        (good | {"item": "\ud800"}, "#/item"),
        (good | {"people": []}, "#/people"),
        (good | {"people": [person | {"quantity": 0}]}, "#/people/0/quantity"),
        (good | {"people": [person | {"quantity": 2**70}]}, "#/people/0/quantity"),
        (good | {"people": [person | {"case_id": "1"}]}, "#/people/0/case_id"),
    ):
        refused = await officer(pulang).post("/aid/issues", changed)
        assert refused.status_code == 422, refused.text
        assert refused.json()["errors"][0]["pointer"].startswith(pointer), refused.text
    assert await stock(pulang) == 10


async def test_another_store_is_not_to_be_seen(pulang: Pulang) -> None:
    await pulang.open_shelter()
    await pulang.open_shelter("RUMAH-SINGGAH", agency="iom")
    cases = await people(pulang, 1)
    await donate(pulang, 10)
    stranger = officer(pulang, "RUMAH-SINGGAH", "iom")
    body = issue(cases)
    refused = await stranger.post("/aid/issues", body)
    assert (refused.status_code, refused.json()["type"]) == (404, "/problems/store-unknown")
    assert refused.json()["errors"][0]["pointer"] == "#/store"
    await officer(pulang).done("/aid/issues", body)
    for path in ("stock", "ledger", "issues", "donations"):
        assert (await stranger.get(f"/aid/{path}")).json()["items"] == []
    assert [store["code"] for store in (await stranger.get("/aid/stores")).json()["items"]] == ["RUMAH-SINGGAH"]
    assert (await stranger.get(f"/aid/stores/{PINANG}")).status_code == 404
    figures = await stranger.get("/aid/figures", params={"from": "2026-01-01", "until": "2026-12-31"})
    assert figures.json() == {"hygiene_kits_issued": 0, "issued_by_item": {}, "stock_by_store": {}}
    supervisor = pulang.user("supervisor", "kemensos")
    assert len((await supervisor.get("/aid/ledger")).json()["items"]) == 2
    assert (await pulang.staff().post("/aid/issues", body)).status_code == 403


async def test_the_figures_count_the_days_that_were_asked_for(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 3)
    await donate(pulang, 10)
    await donate(pulang, 5, item="PPE set")
    await officer(pulang).done("/aid/issues", issue(cases[:2]))
    await officer(pulang).done("/aid/issues", issue(cases[2:], occurred_at="2026-11-04T01:00:00+09:00"))
    await officer(pulang).done("/aid/issues", issue(cases[:1], item="PPE set", occurred_at="2026-11-05"))

    async def figures(since: str, until: str) -> dict[str, object]:
        answer = await officer(pulang).get("/aid/figures", params={"from": since, "until": until})
        body: dict[str, object] = answer.json()
        return body

    whole = await figures("2026-11-03", "2026-11-05")
    assert whole["hygiene_kits_issued"] == 3
    assert whole["issued_by_item"] == {KIT: 3, "PPE set": 1}
    assert whole["stock_by_store"] == {PINANG: {KIT: 7, "PPE set": 4}}
    # One o'clock in Tokyo is still the evening before in Tanjung Pinang.
    assert (await figures("2026-11-03", "2026-11-03"))["hygiene_kits_issued"] == 3
    assert (await figures("2026-11-04", "2026-11-05"))["issued_by_item"] == {"PPE set": 1}
    assert (
        await officer(pulang).get("/aid/figures", params={"from": "2026-11-05", "until": "2026-11-03"})
    ).status_code == 422


async def test_a_list_of_issues_can_be_walked_page_by_page(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 5)
    await donate(pulang, 10)
    await officer(pulang).done("/aid/issues", issue(cases))
    seen: list[str] = []
    after = None
    while True:
        params = {"store": PINANG, "limit": "2"} | ({"after": after} if after else {})
        page = (await officer(pulang).get("/aid/issues", params=params)).json()
        seen += [one["case_id"] for one in page["items"]]
        if (after := page.get("next")) is None:
            break
    assert seen == cases
    assert (await officer(pulang).get("/aid/issues", params={"after": "nonsense"})).status_code == 422


async def test_whether_there_is_a_case_is_not_learnt_for_nothing(pulang: Pulang) -> None:
    """Goods are handed to whoever stands at the counter: to ask without handing any over tells nothing."""
    await pulang.open_shelter()
    (known,) = await people(pulang, 1)
    await donate(pulang, 3)
    for case in (known, new_id()):
        asked = issue([case])
        asked["people"][0]["quantity"] = 4
        answers = [await officer(pulang).post("/aid/issues", asked)]
        answers.append(await officer(pulang).post("/aid/issues", issue([case], item="blanket")))
        assert [(one.status_code, one.json()["type"]) for one in answers] == [(409, "/problems/not-in-stock")] * 2
