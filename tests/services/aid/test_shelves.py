"""Counting the shelf, and knowing when it runs low."""

from tests.services.aid.goods import DAY, KIT, PINANG, donate, issue, new_id, officer, people, stock, told
from tests.world import Pulang

THRESHOLD = f"/aid/stores/{PINANG}/thresholds/{KIT}"


async def test_a_store_says_once_that_it_runs_low(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 4)
    await donate(pulang, 22)
    for case in cases:
        await officer(pulang).done("/aid/issues", issue([case]))
    low = [(subject, data) for kind, subject, data in told(pulang) if kind == "stock.low"]
    assert low == [(PINANG, {"store": PINANG, "item": KIT, "quantity": 20, "threshold": 20})]


async def test_each_store_and_item_has_a_threshold_of_its_own(pulang: Pulang) -> None:
    await pulang.open_shelter()
    (case,) = await people(pulang, 1)
    administrator = pulang.administrator
    default = await administrator.get(THRESHOLD)
    assert (default.json()["threshold"], default.headers["etag"]) == (20, '"0"')
    first = await administrator.put(THRESHOLD, {"threshold": 99})
    assert (first.status_code, first.headers["etag"]) == (200, '"1"')
    assert (await administrator.put(THRESHOLD, {"threshold": 5})).status_code == 428
    stale = await administrator.put(THRESHOLD, {"threshold": 5}, headers={"If-Match": '"0"'})
    assert stale.status_code == 412
    second = await administrator.put(THRESHOLD, {"threshold": 50}, headers={"If-Match": '"1"'})
    assert (second.json()["threshold"], second.headers["etag"]) == (50, '"2"')
    await donate(pulang, 51)
    await officer(pulang).done("/aid/issues", issue([case]))
    assert [data["threshold"] for kind, _, data in told(pulang) if kind == "stock.low"] == [50]
    assert (await administrator.put(THRESHOLD, {"threshold": 0}, headers={"If-Match": "*"})).status_code == 422
    assert (await officer(pulang).put(THRESHOLD, {"threshold": 9})).status_code == 403
    assert (await administrator.get(f"/aid/stores/{PINANG}/thresholds/soap%00")).status_code == 422
    assert (await administrator.put(f"/aid/stores/{PINANG}/thresholds/a/b", {"threshold": 2})).status_code == 200
    assert (await administrator.get("/aid/stores/NOWHERE/thresholds/soap")).status_code == 404


async def test_a_count_on_the_shelf_puts_the_ledger_right(pulang: Pulang) -> None:
    await pulang.open_shelter()
    await donate(pulang, 30)
    path = f"/aid/stores/{PINANG}/adjustments"
    body = {"id": new_id(), "item": KIT, "change": -3, "reason": "damaged", "occurred_at": DAY}
    entry = await officer(pulang).done(path, body)
    assert await officer(pulang).done(path, body) == entry
    assert (entry["change"], entry["reason"], await stock(pulang)) == (-3, "damaged", 27)
    more = await officer(pulang).post(path, body | {"id": new_id(), "change": -28})
    assert (more.status_code, more.json()["errors"][0]["pointer"]) == (409, "#/change")
    assert (await officer(pulang).post(path, body | {"change": -4})).status_code == 409
    assert (await officer(pulang).post(path, body | {"id": new_id(), "change": 0})).status_code == 422
    assert (await officer(pulang).post(path, body | {"id": new_id(), "reason": "because"})).status_code == 422
    found = body | {"id": new_id(), "item": "blanket", "change": 4, "reason": "counted"}
    await officer(pulang).done(path, found)
    assert await stock(pulang, item="blanket") == 4
    adjusted = [data for kind, subject, data in told(pulang) if (kind, subject) == ("stock.adjusted", PINANG)]
    assert [(data["item"], data["change"]) for data in adjusted] == [(KIT, -3), ("blanket", 4)]


async def test_the_stock_is_the_sum_of_the_ledger(pulang: Pulang) -> None:
    await pulang.open_shelter()
    cases = await people(pulang, 5)
    for quantity in (7, 11):
        await donate(pulang, quantity)
    await officer(pulang).done("/aid/issues", issue(cases))
    body = {"id": new_id(), "item": KIT, "change": -2, "reason": "lost", "occurred_at": DAY}
    await officer(pulang).done(f"/aid/stores/{PINANG}/adjustments", body)
    entries = (await officer(pulang).get("/aid/ledger", params={"item": KIT})).json()["items"]
    assert [entry["kind"] for entry in entries] == ["received"] * 2 + ["issued"] * 5 + ["adjusted"]
    assert sum(entry["change"] for entry in entries) == await stock(pulang) == 11
