"""Two at the same moment, in aid."""

from typing import Any

import pytest

from tests.races.racing import all_alike, kinds, race, statuses, told
from tests.services.aid.goods import APUS, DAY, KIT, PINANG, donate, issue, new_id, officer, people, stock
from tests.world import Pulang

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def stores(pulang: Pulang) -> None:
    await pulang.open_shelter(PINANG)
    await pulang.open_shelter(APUS)


async def shelf_is_its_ledger(pulang: Pulang) -> bool:
    """Whether every stock is the sum of its lines, and not below zero."""
    wrong = pulang.rows(
        "aid",
        """
        SELECT s.store FROM stock s
        WHERE quantity < 0
        OR quantity <> (SELECT coalesce(sum(change), 0) FROM ledger l WHERE l.store = s.store AND l.item = s.item)
        """,
    )
    return wrong == []


async def test_the_last_kit_is_handed_out_once(pulang: Pulang) -> None:
    await stores(pulang)
    await donate(pulang, 1)
    cases = await people(pulang, 3)
    at_store = officer(pulang)
    answers = await race("aid", "ledger", *(at_store.post("/aid/issues", issue([case])) for case in cases))
    assert (statuses(answers), set(kinds(answers))) == ({201: 1, 409: 2}, {"not-in-stock"})
    assert await stock(pulang) == 0
    assert await shelf_is_its_ledger(pulang)
    (given,) = [case for case, answer in zip(cases, answers, strict=True) if answer.status_code == 201]
    assert await told(pulang, "aid", given) == ["aid.issued"]


async def test_an_issue_sent_twice_is_answered_alike(pulang: Pulang) -> None:
    await stores(pulang)
    await donate(pulang, 5)
    body = issue(await people(pulang, 2))
    answers = await race("aid", "ledger", *(officer(pulang).post("/aid/issues", body) for _ in range(3)))
    assert all_alike(answers)
    assert await stock(pulang) == 3
    assert await shelf_is_its_ledger(pulang)


async def test_two_stores_cannot_use_one_issue_id(pulang: Pulang) -> None:
    await stores(pulang)
    await donate(pulang, 5)
    await donate(pulang, 5, APUS)
    body = issue(await people(pulang, 1))
    answers = await race(
        "aid",
        "ledger",
        officer(pulang).post("/aid/issues", body),
        officer(pulang, APUS).post("/aid/issues", body | {"store": APUS}),
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["id-taken"])
    assert await shelf_is_its_ledger(pulang)


async def test_what_was_counted_twice_is_entered_once(pulang: Pulang) -> None:
    """Of an item that the store never had: there is no row to lock."""
    await stores(pulang)
    body = {"id": new_id(), "item": "blanket", "change": 7, "reason": "counted", "occurred_at": DAY}
    path = f"/aid/stores/{PINANG}/adjustments"
    answers = await race("aid", "ledger", *(officer(pulang).post(path, body) for _ in range(3)))
    assert all_alike(answers)
    assert await stock(pulang, item="blanket") == 7
    assert await shelf_is_its_ledger(pulang)
    other = {"id": new_id(), "item": "rice", "change": 7, "reason": "counted", "occurred_at": DAY}
    answers = await race(
        "aid", "ledger", *(officer(pulang).post(path, other | {"change": change}) for change in (7, 8))
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["id-taken"])


def pledge(**change: Any) -> dict[str, Any]:
    return {"donor": "UN", "item": KIT, "quantity": 10, "store": PINANG, "occurred_at": DAY} | change


async def test_a_pledge_sent_twice_is_answered_alike(pulang: Pulang) -> None:
    await stores(pulang)
    body = pledge(id=new_id())
    answers = await race("aid", "donations", *(officer(pulang).post("/aid/donations", body) for _ in range(3)))
    assert all_alike(answers)
    assert await told(pulang, "aid", body["id"]) == ["donation.pledged"]
    other = pledge(id=new_id())
    answers = await race(
        "aid", "donations", *(officer(pulang).post("/aid/donations", other | {"quantity": n}) for n in (1, 2))
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["id-taken"])


async def test_a_donation_and_a_request_cannot_share_an_id(pulang: Pulang) -> None:
    """Each would be the subject of the same stream; they stand in tables of their own."""
    await stores(pulang)
    shared = new_id()
    ask = {"id": shared, "from_store": APUS, "to_store": PINANG, "item": KIT, "quantity": 3, "occurred_at": DAY}
    answers = await race(
        "aid",
        "streams",
        officer(pulang).post("/aid/donations", pledge(id=shared)),
        officer(pulang).post("/aid/requests", ask),
    )
    assert (statuses(answers), kinds(answers)) == ({201: 1, 409: 1}, ["id-taken"])
    assert len(await told(pulang, "aid", shared)) == 1


async def test_a_donation_is_received_once(pulang: Pulang) -> None:
    await stores(pulang)
    body = pledge(id=new_id())
    await officer(pulang).done("/aid/donations", body)
    path = f"/aid/donations/{body['id']}/receipt"
    receipt = {"occurred_at": DAY}
    answers = await race(
        "aid",
        "ledger",
        officer(pulang).post(path, receipt),
        officer(pulang).post(path, receipt),
        officer(pulang).post(path, receipt | {"quantity": 9}),
    )
    assert set(kinds(answers)) == {"donation-is-stocked"}
    assert await stock(pulang) in (9, 10)
    assert await shelf_is_its_ledger(pulang)
    assert (await told(pulang, "aid", body["id"])).count("donation.received") == 1


async def test_no_more_is_sent_than_was_approved_nor_arrives(pulang: Pulang) -> None:
    await stores(pulang)
    await donate(pulang, 10, APUS)
    ask = {"id": new_id(), "from_store": APUS, "to_store": PINANG, "item": KIT, "quantity": 6, "occurred_at": DAY}
    await officer(pulang).done("/aid/requests", ask)
    asked = f"/aid/requests/{ask['id']}"
    sender = officer(pulang, APUS)
    answers = await race(
        "aid",
        "requests",
        sender.post(f"{asked}/approval", {"occurred_at": DAY}),
        sender.post(f"{asked}/rejection", {"occurred_at": DAY}),
        sender.post(f"{asked}/approval", {"occurred_at": DAY}),
    )
    assert set(kinds(answers)) == {"request-decided"}
    if answers[0].status_code >= 400:  # rejected: another one, for the rest of the story
        ask["id"] = new_id()
        await officer(pulang).done("/aid/requests", ask)
        await sender.done(f"/aid/requests/{ask['id']}/approval", {"occurred_at": DAY})
    sent = [
        {"id": new_id(), "request_id": ask["id"], "quantity": 4, "occurred_at": DAY},
        {"id": new_id(), "request_id": ask["id"], "quantity": 4, "occurred_at": DAY},
    ]
    answers = await race("aid", "shipments", *(sender.post("/aid/shipments", body) for body in (*sent, *sent)))
    assert (statuses(answers), set(kinds(answers))) == ({201: 2, 422: 2}, {"more-than-there-is"})
    assert await stock(pulang, APUS) == 6
    ((shipment,),) = pulang.rows("aid", "SELECT shipment_id FROM shipments")
    path = f"/aid/shipments/{shipment}/receipt"
    arrivals = [{"id": new_id(), "quantity": 3, "occurred_at": DAY} for _ in range(2)]
    answers = await race("aid", "ledger", *(officer(pulang).post(path, body) for body in (*arrivals, arrivals[0])))
    assert set(kinds(answers)) == {"more-than-there-is"}
    assert await stock(pulang) == 3
    assert await shelf_is_its_ledger(pulang)


async def test_a_threshold_is_first_set_by_one_of_two(pulang: Pulang) -> None:
    await stores(pulang)
    path = f"/aid/stores/{PINANG}/thresholds/{KIT}"
    answers = await race("aid", "stock", *(pulang.administrator.put(path, {"threshold": n}) for n in (5, 9)))
    assert statuses(answers) == {200: 1, 428: 1}


async def test_two_issues_that_make_a_store_low_tell_it_once(pulang: Pulang) -> None:
    await stores(pulang)
    await donate(pulang, 22)
    cases = await people(pulang, 3)
    answers = await race("aid", "ledger", *(officer(pulang).post("/aid/issues", issue([case])) for case in cases))
    assert statuses(answers) == {201: 3}
    assert await told(pulang, "aid", PINANG) == ["stock.low"]
