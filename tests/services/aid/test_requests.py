"""A store that has none asks one that has some."""

import asyncio
from typing import Any

import pytest

from tests.services.aid.goods import APUS, DAY, KIT, PINANG, donate, new_id, officer, stock, told
from tests.world import Pulang


async def two_stores(pulang: Pulang, quantity: int = 100) -> None:
    await pulang.open_shelter()
    await pulang.open_shelter(APUS)
    await donate(pulang, quantity)


async def ask(pulang: Pulang, quantity: int = 40) -> str:
    body: dict[str, Any] = {"id": new_id(), "from_store": PINANG, "to_store": APUS, "item": KIT}
    body |= {"quantity": quantity, "occurred_at": DAY}
    answer = await officer(pulang, APUS).done("/aid/requests", body)
    assert (answer["approval"], answer["fulfilment"]) == ("submitted", "none")
    return str(answer["request_id"])


async def approve(pulang: Pulang, request: str, **more: int) -> dict[str, Any]:
    return await officer(pulang).done(f"/aid/requests/{request}/approval", {"occurred_at": DAY} | more)


def shipment(request: str, quantity: int, **more: str) -> dict[str, Any]:
    return {"id": new_id(), "request_id": request, "quantity": quantity, "occurred_at": "2026-11-04"} | more


async def seen(pulang: Pulang, request: str, store: str) -> dict[str, Any]:
    items = (await officer(pulang, store).get("/aid/requests", params={"store": store})).json()["items"]
    found: dict[str, Any] = next(one for one in items if one["request_id"] == request)
    return found


@pytest.mark.either_database
async def test_kits_go_from_the_store_that_has_some_to_the_one_that_asked(pulang: Pulang) -> None:
    await two_stores(pulang)
    request = await ask(pulang)
    await approve(pulang, request)
    sent = await officer(pulang).done("/aid/shipments", shipment(request, 40))
    assert (sent["status"], await stock(pulang), await stock(pulang, APUS)) == ("dispatched", 60, None)
    path = f"/aid/shipments/{sent['shipment_id']}/receipt"
    part = await officer(pulang, APUS).done(path, {"id": new_id(), "quantity": 30, "occurred_at": "2026-11-06"})
    assert (part["status"], part["received"], await stock(pulang, APUS)) == ("partially_received", 30, 30)
    assert (await seen(pulang, request, PINANG))["fulfilment"] == "partial"
    rest = await officer(pulang, APUS).done(path, {"id": new_id(), "quantity": 10, "occurred_at": "2026-11-07"})
    assert (rest["status"], rest["received_on"], await stock(pulang, APUS)) == ("received", "2026-11-07", 40)
    assert (await seen(pulang, request, APUS))["fulfilment"] == "complete"
    kinds = [kind for kind, _, _ in told(pulang)][2:]
    assert kinds == [
        "request.submitted",
        "request.approved",
        "shipment.dispatched",
        "shipment.received",
        "shipment.received",
    ]


async def test_nobody_receives_more_than_was_sent_or_sends_more_than_was_approved(pulang: Pulang) -> None:
    await two_stores(pulang)
    request = await ask(pulang)
    early = await officer(pulang).post("/aid/shipments", shipment(request, 1))
    assert (early.status_code, early.json()["type"]) == (409, "/problems/request-not-approved")
    too_kind = await officer(pulang).post(f"/aid/requests/{request}/approval", {"occurred_at": DAY, "quantity": 41})
    assert (too_kind.status_code, too_kind.json()["errors"][0]["pointer"]) == (422, "#/quantity")
    assert (await approve(pulang, request, quantity=30))["approved"] == 30
    over = await officer(pulang).post("/aid/shipments", shipment(request, 31))
    assert (over.status_code, over.json()["errors"][0]["pointer"]) == (422, "#/quantity")
    sent = await officer(pulang).done("/aid/shipments", shipment(request, 30))
    path = f"/aid/shipments/{sent['shipment_id']}/receipt"
    more = await officer(pulang, APUS).post(path, {"quantity": 31, "occurred_at": "2026-11-06"})
    assert (more.status_code, more.json()["errors"][0]["pointer"]) == (422, "#/quantity")
    before = await officer(pulang, APUS).post(path, {"quantity": 30, "occurred_at": "2026-11-03"})
    assert (before.status_code, before.json()["errors"][0]["pointer"]) == (422, "#/occurred_at")
    assert (await stock(pulang), await stock(pulang, APUS)) == (70, None)


async def test_two_approved_requests_for_the_same_kits_never_empty_the_shelf_twice(pulang: Pulang) -> None:
    await two_stores(pulang, quantity=50)
    requests = [await ask(pulang), await ask(pulang)]
    for request in requests:
        await approve(pulang, request)
    answers = await asyncio.gather(
        *(officer(pulang).post("/aid/shipments", shipment(request, 40)) for request in requests)
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert (refused["type"], refused["errors"][0]["pointer"]) == ("/problems/not-in-stock", "#/quantity")
    assert await stock(pulang) == 10


async def test_repeats_change_nothing(pulang: Pulang) -> None:
    await two_stores(pulang)
    request = await ask(pulang)
    assert await approve(pulang, request) == await approve(pulang, request)
    body = shipment(request, 40)
    sent = await officer(pulang).done("/aid/shipments", body)
    assert await officer(pulang).done("/aid/shipments", body) == sent
    assert (await officer(pulang).post("/aid/shipments", body | {"quantity": 1})).status_code == 409
    path = f"/aid/shipments/{body['id']}/receipt"
    part = {"id": new_id(), "quantity": 15, "occurred_at": "2026-11-06"}
    first = await officer(pulang, APUS).done(path, part)
    assert await officer(pulang, APUS).done(path, part) == first
    assert (await officer(pulang, APUS).post(path, part | {"quantity": 16})).status_code == 409
    assert await stock(pulang, APUS) == 15
    request = await ask(pulang, 10)
    await approve(pulang, request)
    sent = await officer(pulang).done("/aid/shipments", shipment(request, 10))
    path = f"/aid/shipments/{sent['shipment_id']}/receipt"
    whole = {"quantity": 10, "occurred_at": "2026-11-06"}
    assert await officer(pulang, APUS).done(path, whole) == await officer(pulang, APUS).done(path, whole)
    assert (await stock(pulang), await stock(pulang, APUS)) == (50, 25)


async def test_a_request_has_one_answer(pulang: Pulang) -> None:
    await two_stores(pulang)
    request = await ask(pulang)
    path = f"/aid/requests/{request}"
    assert (await officer(pulang).done(f"{path}/rejection", {"occurred_at": DAY}))["approval"] == "rejected"
    assert (await officer(pulang).done(f"{path}/rejection", {"occurred_at": DAY}))["approval"] == "rejected"
    refused = await officer(pulang).post(f"{path}/approval", {"occurred_at": DAY})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/request-decided")
    assert [kind for kind, _, _ in told(pulang)].count("request.rejected") == 1


async def test_each_side_does_its_own_part(pulang: Pulang) -> None:
    await two_stores(pulang)
    request = await ask(pulang)
    assert (
        await officer(pulang, APUS).post(f"/aid/requests/{request}/approval", {"occurred_at": DAY})
    ).status_code == 404
    await approve(pulang, request)
    assert (await officer(pulang, APUS).post("/aid/shipments", shipment(request, 5))).status_code == 404
    sent = await officer(pulang).done("/aid/shipments", shipment(request, 5))
    path = f"/aid/shipments/{sent['shipment_id']}/receipt"
    assert (await officer(pulang).post(path, {"quantity": 5, "occurred_at": "2026-11-06"})).status_code == 404
    for store in (PINANG, APUS):
        items = (await officer(pulang, store).get("/aid/shipments", params={"status": "dispatched"})).json()["items"]
        assert [one["shipment_id"] for one in items] == [sent["shipment_id"]]
    ask_self = {"id": new_id(), "from_store": APUS, "to_store": APUS, "item": KIT, "quantity": 1, "occurred_at": DAY}
    assert (await officer(pulang, APUS).post("/aid/requests", ask_self)).status_code == 422
    nowhere = await officer(pulang, APUS).post("/aid/requests", ask_self | {"from_store": "NOWHERE"})
    assert (nowhere.status_code, nowhere.json()["errors"][0]["pointer"]) == (404, "#/from_store")
