"""Exchange: who may do what. An agency sees its own log and its own requests alone, whatever it asks for."""

from tests.access.matrix.row import EMPTY, Any_, Row, ask, row
from tests.access.prepared import DAYS, NOBODY, Caller, Side

HEARS = "reader integrator"
WATCHES = "auditor administrator"
AGENCIES = Any_("which agencies there are, and what each is sent, is known to those who watch over all of them")
JOINING = {"name": "Dinas Sosial", "kind": "social_office"}


def same_agency(caller: Caller, side: Side) -> bool:
    """An agency's people see what is its own, wherever they are; those who watch see every agency's."""
    return caller.role in WATCHES.split() or caller.agency == side.agency


def every_agency(caller: Caller, side: Side) -> bool:
    """Each has a log of its own."""
    return True


def same_agency_or_403(caller: Caller, side: Side) -> bool | int:
    """Who watches over all webhooks sees another agency's, and changes none."""
    return caller.agency == side.agency or (403 if caller.role == "administrator" else False)


OWNERS = "integrator administrator"
HOOK = {"path.webhook_id": 404}
MESSAGE = Any_("a message is looked for in that webhook alone")
A_MESSAGE = "msg_k5rmq2c4v7x3n6t2w5z7a4b6ce"

ROWS: dict[str, Row] = {
    "POST /exchange/webhooks": row(OWNERS, lambda it: ask({"url": NOBODY}), reach=every_agency),
    "GET /exchange/webhooks": row(OWNERS, lambda it: ask(), reach=same_agency),
    "GET /exchange/webhooks/{webhook_id}": row(OWNERS, lambda it: ask(webhook_id=it.webhook), HOOK, reach=same_agency),
    "GET /exchange/webhooks/{webhook_id}/keys": row(
        OWNERS, lambda it: ask(webhook_id=it.webhook), HOOK, reach=same_agency
    ),
    "GET /exchange/webhooks/{webhook_id}/deliveries": row(
        OWNERS, lambda it: ask(webhook_id=it.webhook), HOOK, reach=same_agency_or_403
    ),
    "PATCH /exchange/webhooks/{webhook_id}": row(
        OWNERS, lambda it: ask({"url": NOBODY}, match=True, webhook_id=it.webhook), HOOK, reach=same_agency_or_403
    ),
    "DELETE /exchange/webhooks/{webhook_id}": row(
        OWNERS, lambda it: ask(match=True, webhook_id=it.spare("webhooks")), HOOK, reach=same_agency_or_403
    ),
    "POST /exchange/webhooks/{webhook_id}/secret/rotate": row(
        OWNERS, lambda it: ask({"overlap_hours": 0}, webhook_id=it.webhook), HOOK, reach=same_agency_or_403
    ),
    "POST /exchange/webhooks/{webhook_id}/enable": row(
        OWNERS, lambda it: ask(webhook_id=it.webhook), HOOK, reach=same_agency_or_403
    ),
    "POST /exchange/webhooks/{webhook_id}/ping": row(
        OWNERS, lambda it: ask(webhook_id=it.webhook), HOOK, reach=same_agency_or_403
    ),
    "POST /exchange/webhooks/{webhook_id}/replay": row(
        OWNERS,
        lambda it: ask({"exhausted": True}, webhook_id=it.webhook),
        HOOK | {"body.message": MESSAGE},
        reach=same_agency_or_403,
    ),
    "POST /exchange/webhooks/{webhook_id}/skip": row(
        OWNERS,
        lambda it: ask({"message": A_MESSAGE}, webhook_id=it.webhook),
        HOOK | {"body.message": MESSAGE},
        good=(404,),
        reach=same_agency_or_403,
    ),
    "POST /exchange/webhooks/{webhook_id}/disable": row(
        OWNERS, lambda it: ask(webhook_id=it.webhook), HOOK, reach=same_agency
    ),
    "GET /exchange/agencies": row(WATCHES, lambda it: ask()),
    "GET /exchange/agencies/{agency}": row(WATCHES, lambda it: ask(agency=it.agency), {"path.agency": AGENCIES}),
    "GET /exchange/agencies/{agency}/versions": row(
        WATCHES, lambda it: ask(agency=it.agency), {"path.agency": AGENCIES}
    ),
    "PUT /exchange/agencies/{agency}": row(
        "administrator",
        lambda it: ask(JOINING, agency=it.spare("joining")),
        {"path.agency": AGENCIES},
        judged_apart="body.withheld_fields",
    ),
    "DELETE /exchange/agencies/{agency}": row(
        "administrator", lambda it: ask(match=True, agency=it.spare("leaving")), {"path.agency": AGENCIES}
    ),
    "GET /exchange/feed": row(HEARS, lambda it: ask(), reach=every_agency),
    "GET /exchange/export": row(HEARS, lambda it: ask(), reach=every_agency),
    "GET /exchange/stream": row(HEARS, lambda it: ask(), reach=every_agency, endless=True),
    "GET /exchange/cases/{case_id}/timeline": row(
        HEARS, lambda it: ask(case_id=it.at_post), {"path.case_id": 404}, reach=same_agency
    ),
    "GET /exchange/consent-requests": row(
        f"{HEARS} {WATCHES}",
        lambda it: ask(query={"agency": it.agency}),
        {"query.agency": EMPTY},
        reach=same_agency,
    ),
    "POST /exchange/acknowledgements": row(
        HEARS, lambda it: ask({"event": it.withdrawal}), {"body.event": 404}, reach=same_agency
    ),
    "GET /exchange/indicators/published": row(
        "shelter_staff aid_officer supervisor reader integrator auditor administrator",
        lambda it: ask(),
        reach=every_agency,
    ),
    "GET /exchange/indicators/series": row(
        "shelter_staff aid_officer supervisor administrator", lambda it: ask(query=DAYS)
    ),
    "GET /exchange/indicators": row("administrator", lambda it: ask(query=DAYS)),
}
