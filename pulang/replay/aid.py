"""The goods: donations, what stores ask of each other and send, and a kit for everyone who checks in."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import groupby

from pulang.replay.scene import Scene
from pulang.replay.season import KIT, Donation, Person, Season
from pulang.replay.supply import Shipment, plan_shipments

ROWS = 500
"""People in one request, at most."""
STORES = "stores"
"""All of them, as one: goods go from any to any."""


def shipments_of(season: Season) -> list[Shipment]:
    """The season's shipments of kits. Raises Complaint where the donations don't suffice."""
    needs = Counter((person.shelter, person.check_in) for person in season.people if person.hygiene_kit)
    return plan_shipments(KIT, season.donations, needs)


async def keep_stores(scene: Scene, shipments: Sequence[Shipment]) -> None:
    """Donations and shipments, day by day; a day's begin when every shelter has the day before behind it."""
    donated = [(donation.on, 0, donation) for donation in scene.season.donations]
    sent = [(shipment.on, 1, shipment) for shipment in shipments]
    everything: list[tuple[date, int, Donation | Shipment]] = sorted([*donated, *sent], key=lambda one: one[:2])
    for day, movements in groupby(everything, key=lambda one: one[0]):
        await scene.supplied.reached(STORES, day - timedelta(days=1))
        await scene.pace.until(day - timedelta(days=1))
        for _, _, movement in movements:
            if isinstance(movement, Donation):
                await _donate(scene, movement)
            else:
                await _ship(scene, movement)
    await scene.supplied.reached(STORES, date.max)


async def issue_kits(scene: Scene, shelter: str, day: date, people: Sequence[Person]) -> None:
    """A kit for each who checked in on that day, once the shelter has what that day needs."""
    issues = [
        {"case_id": scene.cases[person.row], "issue_id": issue_id}
        for person in people
        if person.hygiene_kit and (issue_id := scene.season.id("kit", person.row)) not in scene.known.issues
    ]
    if issues:
        await scene.supplied.until(day)
    for start in range(0, len(issues), ROWS):
        part = issues[start : start + ROWS]
        body = {"store": shelter, "item": KIT, "occurred_at": day, "people": part}
        await scene.api.post("/aid/issues", scene.at(shelter, "aid_officer"), body)
        scene.progress.advance("aid", len(part))


async def _donate(scene: Scene, donation: Donation) -> None:
    officer, when = scene.at(donation.store, "aid_officer"), {"occurred_at": donation.on}
    donor = donation.donor.lower()
    consulted = {agency for person in scene.season.people for agency in person.consents}
    body = {
        "id": scene.season.id("donation", donation.number),
        "donor": donation.donor,
        "agency": donation.agency,
        "item": donation.item,
        "contents": scene.season.kits.get(donation.item, ()),
        "quantity": donation.quantity,
        "store": donation.store,
    } | ({"donor_agency": donor} if donor in consulted else {})
    pledged = await scene.api.post("/aid/donations", officer, body | when, haste=True)
    if pledged["status"] == "pledged":
        await scene.api.post(f"/aid/donations/{body['id']}/receipt", officer, when, haste=True)


async def _ship(scene: Scene, shipment: Shipment) -> None:
    """Asked for, approved, sent and received. Each answer says how far an earlier replay came."""
    asking, asked = scene.at(shipment.to_store, "aid_officer"), scene.at(shipment.from_store, "aid_officer")
    when, quantity = {"occurred_at": shipment.on}, {"quantity": shipment.quantity}
    names = (shipment.on, shipment.item, shipment.from_store, shipment.to_store)
    request, sent, came = (scene.season.id(kind, *names) for kind in ("request", "shipment", "receipt"))
    wish = {"from_store": shipment.from_store, "to_store": shipment.to_store, "item": shipment.item}
    submitted = await scene.api.post("/aid/requests", asking, {"id": request} | wish | quantity | when, haste=True)
    if submitted["fulfilment"] == "complete":
        return
    if submitted["approval"] == "submitted":
        await scene.api.post(f"/aid/requests/{request}/approval", asked, when, haste=True)
    dispatch = {"id": sent, "request_id": request} | quantity | when
    dispatched = await scene.api.post("/aid/shipments", asked, dispatch, haste=True)
    if dispatched["received"] < shipment.quantity:
        receipt = {"id": came} | quantity | when
        await scene.api.post(f"/aid/shipments/{sent}/receipt", asking, receipt, haste=True)
