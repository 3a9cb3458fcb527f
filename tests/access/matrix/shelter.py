"""Shelter: who may do what."""

from tests.access.matrix.row import EMPTY, NEW, Any_, Row, ask, row
from tests.access.prepared import DAY, DAYS, LATER, new_id

SEE = "shelter_staff supervisor administrator"
ACT = "shelter_staff supervisor"

ROWS: dict[str, Row] = {
    "PUT /shelter/facilities/{code}": row(
        "administrator",
        lambda it: ask(it.shelter_particulars, match=True, code=it.shelter),
        {
            "path.code": Any_("administrators open the places of every agency"),
            "body.agency": Any_("administrators say which agency runs a place"),
        },
    ),
    "GET /shelter/facilities": row("supervisor administrator shelter_staff", lambda it: ask()),
    "GET /shelter/facilities/{code}": row(
        "supervisor administrator shelter_staff", lambda it: ask(code=it.shelter), {"path.code": 404}
    ),
    "GET /shelter/occupancy": row(
        SEE, lambda it: ask(query={"facility": it.shelter, "on": DAY}), {"query.facility": 404}
    ),
    "GET /shelter/figures": row("shelter_staff aid_officer supervisor administrator", lambda it: ask(query=DAYS)),
    "GET /shelter/referrals": row(SEE, lambda it: ask(query={"facility": it.shelter}), {"query.facility": EMPTY}),
    "POST /shelter/referrals/acceptance": row(
        ACT,
        lambda it: ask({"facility": it.shelter, "referrals": [it.spare("pending")], "occurred_at": DAY}),
        {"body.facility": 404, "body.referrals": 404},
    ),
    "POST /shelter/referrals/rejection": row(
        ACT,
        lambda it: ask(
            {"facility": it.shelter, "referrals": [it.spare("pending")], "reason": "full", "occurred_at": DAY}
        ),
        {"body.facility": 404, "body.referrals": 404},
    ),
    "POST /shelter/stays/plan": row(
        ACT,
        lambda it: ask(
            {
                "facility": it.shelter,
                "people": [
                    {
                        "stay_id": new_id(),
                        "case_id": it.spare("accepted"),
                        "bed_id": it.spare("beds"),
                        "from_date": DAY,
                        "until_date": LATER,
                    }
                ],
            }
        ),
        {
            "body.facility": 404,
            "body.people.case_id": 404,
            "body.people.stay_id": NEW,
            "body.people.bed_id": 422,
        },
    ),
    "POST /shelter/stays/check-in": row(
        ACT,
        lambda it: ask(
            {
                "facility": it.shelter,
                "on": DAY,
                "people": [{"stay_id": new_id(), "case_id": it.spare("accepted"), "bed_id": it.spare("beds")}],
            }
        ),
        {
            "body.facility": 404,
            "body.people.case_id": 404,
            "body.people.stay_id": NEW,
            "body.people.bed_id": 422,
        },
    ),
    "POST /shelter/stays/check-out": row(
        ACT,
        lambda it: ask(
            {
                "facility": it.shelter,
                "on": LATER,
                "reason": "left",
                "people": [{"case_id": it.leaving, "stay_id": it.leaving_stay}],
            }
        ),
        {"body.facility": 404, "body.people.case_id": 404, "body.people.stay_id": 404},
    ),
    "POST /shelter/stays/{stay_id}/move": row(
        ACT,
        lambda it: ask({"on": LATER, "bed_id": it.spare("beds")}, stay_id=it.stay),
        {"path.stay_id": 404, "body.bed_id": 422},
    ),
    "POST /shelter/stays/{stay_id}/no-show": row(
        ACT, lambda it: ask({"occurred_at": LATER}, stay_id=it.plan_missed), {"path.stay_id": 404}
    ),
    "POST /shelter/stays/{stay_id}/cancel": row(
        ACT, lambda it: ask({"occurred_at": LATER}, stay_id=it.plan_given_up), {"path.stay_id": 404}
    ),
    "GET /shelter/stays": row(
        SEE,
        lambda it: ask(query={"facility": it.shelter, "case_id": it.case}),
        {"query.facility": EMPTY, "query.case_id": EMPTY},
    ),
    "GET /shelter/stays/{stay_id}": row(SEE, lambda it: ask(stay_id=it.stay), {"path.stay_id": 404}),
}
