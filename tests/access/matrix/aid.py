"""Aid: who may do what. Every place has a store."""

from tests.access.matrix.row import EMPTY, NEW, Any_, Row, ask, row
from tests.access.prepared import DAY, DAYS, LATER, new_id

OFFICER = "aid_officer"
SEE_STOCK = "aid_officer supervisor administrator"
DECIDE = "aid_officer supervisor"
GOODS = Any_("the name of an item is public")

ROWS: dict[str, Row] = {
    "POST /aid/donations": row(
        OFFICER,
        lambda it: ask(
            {
                "id": new_id(),
                "donor": "IOM",
                "donor_agency": "iom",
                "agency": it.agency,
                "item": "soap",
                "quantity": 5,
                "store": it.shelter,
                "occurred_at": DAY,
            }
        ),
        {
            "body.id": NEW,
            "body.store": 404,
            "body.donor_agency": Any_("every agency may give"),
            "body.agency": Any_("goods may be for another agency than the one that runs the store"),
        },
    ),
    "POST /aid/donations/{donation_id}/receipt": row(
        OFFICER, lambda it: ask({"occurred_at": LATER}, donation_id=it.donation), {"path.donation_id": 404}
    ),
    "GET /aid/donations": row(SEE_STOCK, lambda it: ask(query={"store": it.shelter}), {"query.store": EMPTY}),
    "POST /aid/issues": row(
        OFFICER,
        lambda it: ask(
            {
                "store": it.shelter,
                "item": "hygiene kit",
                "occurred_at": DAY,
                "people": [{"case_id": it.case, "issue_id": new_id()}],
            }
        ),
        {
            "body.store": 404,
            "body.people.issue_id": NEW,
            "body.people.case_id": Any_(
                "whoever stands before the store's counter is served: aid knows no more of a person than the case id, "
                "so that it could not say where they are"
            ),
        },
    ),
    "GET /aid/issues": row(SEE_STOCK, lambda it: ask(query={"store": it.shelter}), {"query.store": EMPTY}),
    "GET /aid/figures": row("shelter_staff aid_officer supervisor administrator", lambda it: ask(query=DAYS)),
    "POST /aid/requests": row(
        OFFICER,
        lambda it: ask(
            {
                "id": new_id(),
                "from_store": it.shelter,
                "to_store": it.post,
                "item": "hygiene kit",
                "quantity": 2,
                "occurred_at": DAY,
            }
        ),
        {"body.id": NEW, "body.to_store": 404, "body.from_store": Any_("a store may ask every other")},
    ),
    "POST /aid/requests/{request_id}/approval": row(
        DECIDE, lambda it: ask({"occurred_at": DAY}, request_id=it.request), {"path.request_id": 404}
    ),
    "POST /aid/requests/{request_id}/rejection": row(
        DECIDE, lambda it: ask({"occurred_at": DAY}, request_id=it.request_refused), {"path.request_id": 404}
    ),
    "GET /aid/requests": row(SEE_STOCK, lambda it: ask(query={"store": it.shelter}), {"query.store": EMPTY}),
    "POST /aid/shipments": row(
        OFFICER,
        lambda it: ask({"id": new_id(), "request_id": it.request, "quantity": 1, "occurred_at": DAY}),
        {"body.id": NEW, "body.request_id": 404},
    ),
    "POST /aid/shipments/{shipment_id}/receipt": row(
        OFFICER,
        lambda it: ask({"id": new_id(), "quantity": 1, "occurred_at": DAY}, shipment_id=it.shipment),
        {"path.shipment_id": 404, "body.id": NEW},
    ),
    "GET /aid/shipments": row(SEE_STOCK, lambda it: ask(query={"store": it.shelter}), {"query.store": EMPTY}),
    "GET /aid/stores": row(SEE_STOCK, lambda it: ask()),
    "GET /aid/stores/{code}": row(SEE_STOCK, lambda it: ask(code=it.shelter), {"path.code": 404}),
    "GET /aid/stock": row(SEE_STOCK, lambda it: ask(query={"store": it.shelter}), {"query.store": EMPTY}),
    "GET /aid/ledger": row(SEE_STOCK, lambda it: ask(query={"store": it.shelter}), {"query.store": EMPTY}),
    "GET /aid/stores/{code}/thresholds/{item:path}": row(
        SEE_STOCK, lambda it: ask(code=it.shelter, item="hygiene kit"), {"path.code": 404, "path.item": GOODS}
    ),
    "PUT /aid/stores/{code}/thresholds/{item:path}": row(
        "administrator",
        lambda it: ask({"threshold": 7}, match=True, code=it.shelter, item="hygiene kit"),
        {"path.code": 404, "path.item": GOODS},
    ),
    "POST /aid/stores/{code}/adjustments": row(
        OFFICER,
        lambda it: ask(
            {"id": new_id(), "item": "hygiene kit", "change": 1, "reason": "counted", "occurred_at": DAY},
            code=it.shelter,
        ),
        {"path.code": 404, "body.id": NEW},
    ),
}
