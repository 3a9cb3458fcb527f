"""Requests from store to store, and the shipments that answer them."""

from datetime import date

from pydantic import ConfigDict

from services.aid.schemas.goods import Item, Quantity
from shared.http.bodies import Body, Id, PlaceCode, View
from shared.times import OccurredAt

REQUEST_ID = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b22"
SHIPMENT_ID = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b23"


class SubmitRequest(Body):
    """One store (`to_store`) needs goods and asks another (`from_store`). `id`: the client's own UUID."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": REQUEST_ID,
                    "from_store": "RPTC-TANJUNG-PINANG",
                    "to_store": "RPTC-BAMBU-APUS",
                    "item": "hygiene kit",
                    "quantity": 40,
                    "occurred_at": "2026-11-03",
                }
            ]
        }
    )

    id: Id
    from_store: PlaceCode
    to_store: PlaceCode
    item: Item
    quantity: Quantity
    occurred_at: OccurredAt


class ApproveRequest(Body):
    """The asked store will send: all that was asked for, or `quantity`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-11-03"}]})

    quantity: Quantity | None = None
    occurred_at: OccurredAt


class RejectRequest(Body):
    """The asked store will not send."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"occurred_at": "2026-11-03"}]})

    occurred_at: OccurredAt


class RequestView(View):
    """A request: its answer (`approval`) apart from what has come (`fulfilment`)."""

    request_id: str
    from_store: str
    to_store: str
    item: str
    quantity: int
    approval: str
    approved: int | None = None
    dispatched: int
    received: int
    fulfilment: str
    submitted_on: date


class DispatchShipment(Body):
    """Goods leave the asked store for an approved request. `id`: the client's own UUID."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"id": SHIPMENT_ID, "request_id": REQUEST_ID, "quantity": 40, "occurred_at": "2026-11-04"},
            ]
        }
    )

    id: Id
    request_id: Id
    quantity: Quantity
    occurred_at: OccurredAt


class ReceiveShipment(Body):
    """Goods reach the asking store. `id`: the client's own UUID for this arrival, where a shipment comes in parts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"quantity": 40, "occurred_at": "2026-11-06"}]})

    id: Id | None = None
    quantity: Quantity
    occurred_at: OccurredAt


class ShipmentView(View):
    """A shipment as it stands."""

    shipment_id: str
    request_id: str
    from_store: str
    to_store: str
    item: str
    quantity: int
    received: int
    status: str
    dispatched_on: date
    received_on: date | None = None
