"""Donations: promised, then on the shelf."""

from tests.services.aid.goods import DAY, KIT, PINANG, donate, new_id, officer, people, stock, told
from tests.world import Pulang


def pledge(**more: object) -> dict[str, object]:
    return {
        "id": new_id(),
        "donor": "IOM",
        "donor_agency": "iom",
        "item": KIT,
        "contents": ["cloth mask", "soap"],
        "quantity": 2500,
        "store": PINANG,
        "occurred_at": "2026-11-01",
    } | more


async def test_a_pledge_is_not_on_the_shelf_before_it_came(pulang: Pulang) -> None:
    await pulang.open_shelter()
    body = pledge()
    donation = await officer(pulang).done("/aid/donations", body)
    assert (donation["status"], donation["agency"], donation["pledged_on"]) == ("pledged", "kemensos", "2026-11-01")
    assert await stock(pulang) is None
    receipt = {"occurred_at": DAY, "quantity": 2480}
    stocked = await officer(pulang).done(f"/aid/donations/{body['id']}/receipt", receipt)
    assert (stocked["status"], stocked["received"], stocked["received_on"]) == ("stocked", 2480, DAY)
    assert await stock(pulang) == 2480
    assert [(kind, subject, data["quantity"]) for kind, subject, data in told(pulang)] == [
        ("donation.pledged", body["id"], 2500),
        ("donation.received", body["id"], 2480),
    ]
    assert told(pulang)[1][2]["donor_agency"] == "iom"


async def test_repeats_change_nothing_and_other_content_is_refused(pulang: Pulang) -> None:
    await pulang.open_shelter()
    body = pledge()
    path = f"/aid/donations/{body['id']}/receipt"
    assert await officer(pulang).done("/aid/donations", body) == await officer(pulang).done("/aid/donations", body)
    other = await officer(pulang).post("/aid/donations", body | {"quantity": 1})
    assert (other.status_code, other.json()["type"]) == (409, "/problems/id-taken")
    first = await officer(pulang).done(path, {"occurred_at": DAY})
    assert await officer(pulang).done(path, {"occurred_at": DAY}) == first
    assert (await officer(pulang).post(path, {"occurred_at": DAY, "quantity": 7})).status_code == 409
    assert await stock(pulang) == 2500
    assert len(told(pulang)) == 2


async def test_a_receipt_does_not_lie_before_its_pledge_nor_in_the_future(pulang: Pulang) -> None:
    await pulang.open_shelter()
    body = pledge()
    await officer(pulang).done("/aid/donations", body)
    for day in ("2026-10-31", "2999-01-01"):
        refused = await officer(pulang).post(f"/aid/donations/{body['id']}/receipt", {"occurred_at": day})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/occurred_at")
    assert await stock(pulang) is None


async def test_a_case_and_a_donation_never_share_an_id(pulang: Pulang) -> None:
    await pulang.open_shelter()
    (case,) = await people(pulang, 1)
    refused = await officer(pulang).post("/aid/donations", pledge(id=case))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (409, "#/id")


async def test_a_donation_to_another_store_is_not_to_be_found(pulang: Pulang) -> None:
    await pulang.open_shelter()
    await pulang.open_shelter("RUMAH-SINGGAH", agency="iom")
    donation = await donate(pulang, 5)
    stranger = officer(pulang, "RUMAH-SINGGAH", "iom")
    assert (await stranger.post(f"/aid/donations/{donation}/receipt", {"occurred_at": DAY})).status_code == 404
    assert (await stranger.post("/aid/donations", pledge())).status_code == 404
    listed = (await officer(pulang).get("/aid/donations", params={"status": "stocked"})).json()["items"]
    assert [one["donation_id"] for one in listed] == [donation]
