"""Intake: who may do what."""

from tests.access.matrix.row import EMPTY, NEW, Any_, Row, ask, row
from tests.access.prepared import DAY, DAYS, LATER, Caller, Side, new_id

SEE_CASES = "arrival_officer shelter_staff supervisor administrator"
SHOWN = Any_("it is compared with what is open of the very case, and finds nothing")
SEE_PLACES = Any_("places are public, and so is who runs them")


def in_hand(caller: Caller, side: Side) -> bool:
    """An identity: custody by a role that handles people, or the person's consent for the agency."""
    held = caller.role != "reader" and caller.is_at(side)
    return held or (side.consented and caller.agency == side.agency)


def in_hand_or_answered_for(caller: Caller, side: Side) -> bool:
    """Who read an identity: as the identity itself, and for a supervisor in whose scope the case is."""
    return in_hand(caller, side) or (caller.role == "supervisor" and caller.reaches(side))


def in_hand_to_correct(caller: Caller, side: Side) -> bool | int:
    """By custody alone: who sees the case without having it in hand is told so."""
    return caller.is_at(side) or (403 if caller.reaches(side) else False)


ANSWERS_FOR = "supervisor administrator"
OF_CASE = {"path.case_id": 404}
SEE_APPROVALS = "arrival_officer shelter_staff supervisor administrator"
OF_APPROVAL = {"path.approval_id": 404}

ROWS: dict[str, Row] = {
    "POST /intake/cases/{case_id}/erasure": row(
        ANSWERS_FOR,
        lambda it: ask({"reason": "requested", "asked_by": "person"}, case_id=it.spare("erasable")),
        OF_CASE,
    ),
    "POST /intake/cases/{case_id}/erasure/approval": row(
        ANSWERS_FOR, lambda it: ask(case_id=it.spare("doomed")), OF_CASE
    ),
    "POST /intake/cases/{case_id}/erasure/refusal": row(
        ANSWERS_FOR, lambda it: ask({"reason": "taken_back"}, case_id=it.spare("doubtful")), OF_CASE
    ),
    "GET /intake/cases/{case_id}/erasure": row(ANSWERS_FOR, lambda it: ask(case_id=it.erasure), OF_CASE),
    "GET /intake/erasures": row(ANSWERS_FOR, lambda it: ask()),
    "POST /intake/cases/{case_id}/legal-holds": row(
        ANSWERS_FOR,
        lambda it: ask({"id": new_id(), "reason": "prosecution"}, case_id=it.held),
        OF_CASE | {"body.id": NEW},
    ),
    "POST /intake/cases/{case_id}/legal-holds/{hold_id}/lifting": row(
        ANSWERS_FOR,
        lambda it: ask({"reason": "not_needed"}, case_id=it.held, hold_id=it.spare("holds")),
        OF_CASE | {"path.hold_id": 404},
    ),
    "GET /intake/cases/{case_id}/legal-holds": row(ANSWERS_FOR, lambda it: ask(case_id=it.held), OF_CASE),
    "GET /intake/cases/{case_id}/legal-holds/{hold_id}": row(
        ANSWERS_FOR, lambda it: ask(case_id=it.held, hold_id=it.hold), OF_CASE | {"path.hold_id": 404}
    ),
    "POST /intake/cases/{case_id}/identification": row(
        "arrival_officer shelter_staff supervisor",
        lambda it: ask({"id": new_id(), "decided_by": "NGO", "occurred_at": DAY}, case_id=it.spare("victims")),
        OF_CASE | {"body.id": NEW},
    ),
    "POST /intake/cases/{case_id}/closure": row(
        "supervisor",
        lambda it: ask(
            {"id": new_id(), "outcome": "transferred", "occurred_at": DAY}, case_id=it.spare("transferable")
        ),
        OF_CASE | {"body.id": NEW},
    ),
    "GET /intake/approvals": row(SEE_APPROVALS, lambda it: ask(query={"case": it.proposed}), {"query.case": EMPTY}),
    "GET /intake/approvals/{approval_id}": row(SEE_APPROVALS, lambda it: ask(approval_id=it.approval), OF_APPROVAL),
    "POST /intake/approvals/{approval_id}/approval": row(
        "supervisor",
        lambda it: ask({"open_work": []}, approval_id=it.spare("approvals")),
        OF_APPROVAL | {"body.open_work.id": SHOWN},
    ),
    "POST /intake/approvals/{approval_id}/rejection": row(
        "supervisor", lambda it: ask({"reason": "unfounded"}, approval_id=it.spare("approvals")), OF_APPROVAL
    ),
    "POST /intake/approvals/{approval_id}/withdrawal": row(
        "arrival_officer shelter_staff supervisor", lambda it: ask(approval_id=it.spare("approvals")), OF_APPROVAL
    ),
    "POST /intake/cases": row(
        "arrival_officer",
        lambda it: ask(
            {
                "id": new_id(),
                "name": "Contoh Nama",
                "sex": "F",
                "register_anyway": True,
                "arrival_point": it.post,
                "arrival_date": DAY,
            }
        ),
        {"body.id": NEW, "body.arrival_point": 404},
    ),
    "GET /intake/cases": row(
        SEE_CASES,
        lambda it: ask(query={"manifest": it.manifest, "facility": it.shelter, "arrival_point": it.post}),
        {"query.manifest": EMPTY, "query.facility": EMPTY, "query.arrival_point": EMPTY},
    ),
    "GET /intake/cases/{case_id}": row(SEE_CASES, lambda it: ask(case_id=it.case), {"path.case_id": 404}),
    "GET /intake/cases/{case_id}/referrals": row(SEE_CASES, lambda it: ask(case_id=it.case), {"path.case_id": 404}),
    "POST /intake/cases/{case_id}/screenings": row(
        "arrival_officer",
        lambda it: ask(
            {"id": new_id(), "trafficking_status": "NotAVictimOfTrafficking", "occurred_at": DAY}, case_id=it.case
        ),
        {"path.case_id": 404, "body.id": NEW},
    ),
    "POST /intake/cases/{case_id}/consents": row(
        "arrival_officer shelter_staff supervisor",
        lambda it: ask(
            {
                "id": new_id(),
                "decisions": [{"agency": "bp2mi", "level": "pseudonymous"}],
                "given_by": "person",
                "occurred_at": DAY,
            },
            case_id=it.case,
        ),
        {"path.case_id": 404, "body.id": NEW, "body.decisions.agency": Any_("the person decides about every agency")},
    ),
    "GET /intake/cases/{case_id}/identity": row(
        "arrival_officer shelter_staff supervisor reader",
        lambda it: ask(query={"purpose": "registration"}, case_id=it.at_post),
        {"path.case_id": 403},
        reach=in_hand,
    ),
    "GET /intake/cases/{case_id}/access-record": row(
        "arrival_officer shelter_staff supervisor reader",
        lambda it: ask(query={"purpose": "person_request"}, case_id=it.at_post),
        {"path.case_id": 403},
        reach=in_hand_or_answered_for,
    ),
    "PUT /intake/cases/{case_id}/identity": row(
        "arrival_officer supervisor",
        lambda it: ask({"name": "Contoh Nama"}, match=True, case_id=it.at_post),
        {"path.case_id": 404},
        reach=in_hand_to_correct,
    ),
    "POST /intake/referrals": row(
        "arrival_officer supervisor",
        lambda it: ask({"facility": it.shelter, "cases": [it.spare("registered")], "occurred_at": DAY}),
        {"body.facility": Any_("a post may ask every shelter"), "body.cases": 404},
    ),
    "POST /intake/referrals/{referral_id}/revocation": row(
        "arrival_officer supervisor",
        lambda it: ask({"occurred_at": DAY}, referral_id=it.spare("pending")),
        {"path.referral_id": 404},
    ),
    "POST /intake/closures": row(
        "supervisor",
        lambda it: ask({"outcome": "withdrawn", "cases": [it.spare("registered")], "occurred_at": DAY}),
        {"body.cases": 404},
    ),
    "POST /intake/cases/{case_id}/reopening": row(
        "supervisor",
        lambda it: ask({"occurred_at": LATER}, case_id=it.spare("closed")),
        {"path.case_id": 404},
    ),
    "GET /intake/figures": row("shelter_staff aid_officer supervisor administrator", lambda it: ask(query=DAYS)),
    "POST /intake/manifests": row(
        "arrival_officer",
        lambda it: ask(
            {
                "id": new_id(),
                "arrival_point": it.post,
                "arrival_date": DAY,
                "rows": [{"row_key": "1", "name": "Contoh Nama", "sex": "F"}],
            }
        ),
        {"body.id": NEW, "body.arrival_point": 404},
        judged_apart="body.rows",
    ),
    "POST /intake/manifests/{manifest_id}/reconciliation": row(
        "arrival_officer", lambda it: ask(manifest_id=it.manifest), {"path.manifest_id": 404}
    ),
    "PUT /intake/arrival-points/{code}": row(
        "administrator",
        lambda it: ask(it.post_particulars, match=True, code=it.post),
        {
            "path.code": Any_("administrators open the places of every agency"),
            "body.agency": Any_("administrators say which agency runs a place"),
        },
    ),
    "GET /intake/places": row(SEE_CASES, lambda it: ask()),
    "GET /intake/places/{code}": row(SEE_CASES, lambda it: ask(code=it.post), {"path.code": SEE_PLACES}),
    "POST /intake/trips": row(
        "shelter_staff supervisor",
        lambda it: ask(
            {
                "id": new_id(),
                "mode": "ship",
                "from_facility": it.shelter,
                "departs_on": LATER,
                "people": [{"case_id": it.spare("accepted"), "regency": "35.07"}],
            }
        ),
        {"body.id": NEW, "body.from_facility": 404, "body.people.case_id": 404},
    ),
    "GET /intake/trips/{trip_id}": row(
        "shelter_staff supervisor administrator", lambda it: ask(trip_id=it.trip), {"path.trip_id": 404}
    ),
    "POST /intake/trips/{trip_id}/departure": row(
        "shelter_staff supervisor", lambda it: ask({"occurred_at": LATER}, trip_id=it.trip), {"path.trip_id": 404}
    ),
    "POST /intake/trips/{trip_id}/arrivals": row(
        "shelter_staff supervisor",
        lambda it: ask({"cases": [it.travelling], "occurred_at": LATER}, trip_id=it.trip_under_way),
        {"path.trip_id": 404, "body.cases": 404},
    ),
}
