"""Shipments: goods leave the asked store, and reach the asking one, all at once or in parts."""

import uuid_utils
from sqlalchemy import select
from sqlmodel import col

from services.aid.commands.consignments import add_new, known_as, same
from services.aid.commands.ledger import Line, enter, known_entries, on_shelf
from services.aid.commands.places import Moment, any_store, happened
from services.aid.commands.requests import asked, submitted
from services.aid.models import Request, Shipment
from services.aid.problems import IdTaken, MoreThanThereIs, NotInStock, RequestNotApproved, ShipmentUnknown
from services.aid.queries import stores_in_scope
from services.aid.rules import fulfilment, shipment_status
from services.aid.schemas.requests import DispatchShipment, ReceiveShipment, ShipmentView
from shared.events.aid import ShipmentDispatched, ShipmentReceived
from shared.work import Work


def dispatch_shipment(work: Work, body: DispatchShipment) -> ShipmentView:
    """Goods leave for an approved request. The same shipment again is answered as it stands.

    Raises RequestUnknown, RequestNotApproved, MoreThanThereIs (than was approved), NotInStock, IdTaken,
    ImpossibleDate.
    """
    request = asked(work, body.request_id, "#/request_id")
    store = any_store(work, request.from_store)
    when = happened(work, body.occurred_at, store, since=submitted(request))
    known = known_as(work, Shipment, body.id)
    if known is not None:
        if not same(known, request_id=body.request_id, quantity=body.quantity, dispatched_on=when.on):
            raise IdTaken(pointer="#/id")
        return shipment_view(known)
    if request.approval != "approved" or request.approved is None:
        raise RequestNotApproved(pointer="#/request_id")
    if request.dispatched + body.quantity > request.approved:
        left = request.approved - request.dispatched
        raise MoreThanThereIs(f"{left} of the approved quantity are not sent yet", pointer="#/quantity")
    there = on_shelf(work, store, request.item)
    if there < body.quantity:
        raise NotInStock(f"{there} in stock", pointer="#/quantity")
    shipment = Shipment(
        shipment_id=body.id,
        request_id=request.request_id,
        from_store=request.from_store,
        to_store=request.to_store,
        item=request.item,
        quantity=body.quantity,
        dispatched_at=when.at,
        dispatched_on=when.on,
    )
    add_new(work, shipment, body.id)
    line = Line(str(uuid_utils.uuid7()), body.id, -body.quantity)
    enter(work, store, request.item, "dispatched", [line], when)
    request.dispatched += body.quantity
    work.record(body.id, ShipmentDispatched(**_told(shipment, body.quantity, when)), when.at)
    return shipment_view(shipment)


def receive_shipment(work: Work, shipment_id: str, body: ReceiveShipment) -> ShipmentView:
    """Goods reach the asking store. The same arrival again (by its id, or all of the shipment at once) is answered
    as it stands.

    Raises ShipmentUnknown, MoreThanThereIs (than was sent), IdTaken, ImpossibleDate.
    """
    shipment = _on_the_way(work, shipment_id)
    store = any_store(work, shipment.to_store)
    when = happened(work, body.occurred_at, store, since=Moment(shipment.dispatched_at, shipment.dispatched_on))
    if _is_repeat(work, shipment, body):
        return shipment_view(shipment)
    left = shipment.quantity - shipment.received
    if body.quantity > left:
        raise MoreThanThereIs(f"{left} of the shipment have not arrived yet", pointer="#/quantity")
    request = work.session.get_one(Request, shipment.request_id, with_for_update=True)  # before the shelf, as who sends
    on_shelf(work, store, shipment.item)
    line = Line(body.id or str(uuid_utils.uuid7()), shipment_id, body.quantity)
    enter(work, store, shipment.item, "arrived", [line], when)
    shipment.received += body.quantity
    shipment.status = shipment_status(shipment.received, shipment.quantity)
    shipment.received_on = when.on
    request.received += body.quantity
    request.fulfilment = fulfilment(request.received, request.approved)
    work.record(shipment_id, ShipmentReceived(**_told(shipment, body.quantity, when)), when.at)
    return shipment_view(shipment)


def _on_the_way(work: Work, shipment_id: str) -> Shipment:
    """A shipment to a store in the caller's scope, locked. Raises ShipmentUnknown."""
    shipment = work.session.scalars(
        select(Shipment)
        .where(col(Shipment.shipment_id) == shipment_id, col(Shipment.to_store).in_(stores_in_scope(work.caller)))
        .with_for_update()
    ).one_or_none()
    if shipment is None:
        raise ShipmentUnknown
    return shipment


def _is_repeat(work: Work, shipment: Shipment, body: ReceiveShipment) -> bool:
    """Raises IdTaken where the id stands for another arrival."""
    if body.id is None:
        return shipment.received == shipment.quantity == body.quantity
    known = known_entries(work, [body.id]).get(body.id)
    if known is None:
        return False
    if (known.kind, known.ref_id, known.change) != ("arrived", shipment.shipment_id, body.quantity):
        raise IdTaken(pointer="#/id")
    return True


def _told(shipment: Shipment, quantity: int, when: Moment) -> dict[str, object]:
    return {
        "request": shipment.request_id,
        "from_store": shipment.from_store,
        "to_store": shipment.to_store,
        "item": shipment.item,
        "quantity": quantity,
        "on": when.on,
    }


def shipment_view(shipment: Shipment) -> ShipmentView:
    return ShipmentView(**shipment.model_dump(exclude={"dispatched_at"}))
