"""Agencies say that they have deleted; who does not within the legal time is told of."""

import structlog
from sqlalchemy import and_, bindparam, select, update
from sqlmodel import col

from services.exchange.joining import joining_now
from services.exchange.models import DeletionRequest, StoredEvent
from services.exchange.policy import members
from services.exchange.problems import RequestUnknown
from services.exchange.queries.deletions import deletion_view
from services.exchange.schemas.deletions import DeletionView
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.security.audit import audit
from shared.work import Work

log = structlog.get_logger()

PUBLISHER = "/pulang/intake"
"""Who tells of consent: of its events, the id is enough."""
_REQUESTS = table_of(DeletionRequest)
_OF_EVENT = Prepared(
    select(_REQUESTS, col(StoredEvent.id).label("event_id"))
    .join(StoredEvent, col(StoredEvent.position) == _REQUESTS.c.event)
    .where(
        col(StoredEvent.source) == PUBLISHER,
        col(StoredEvent.id) == bindparam("of_id"),
        _REQUESTS.c.agency == bindparam("of_agency"),
    )
    .with_for_update(of=_REQUESTS)
)
_ACKNOWLEDGE = Prepared(
    update(_REQUESTS)
    .where(
        _REQUESTS.c.event <= bindparam("of_event"),
        _REQUESTS.c.agency == bindparam("of_agency"),
        _REQUESTS.c.case_id == bindparam("of_case"),
        _REQUESTS.c.asks.in_(bindparam("of_kinds", expanding=True)),
        _REQUESTS.c.acknowledged_at.is_(None),
    )
    .values(acknowledged_at=bindparam("now"), acknowledged_by=bindparam("by"))
)
_OVERDUE = and_(_REQUESTS.c.acknowledged_at.is_(None), _REQUESTS.c.escalated_at.is_(None))


def acknowledge(work: Work, event_id: str) -> DeletionView:
    """The caller's agency has deleted what this event asked it to. Said again, the first time stands.

    It counts for what was asked of the case before, too: a request that was overtaken by the end of its grant is never
    told, and who has deleted now has nothing left of earlier.

    Raises RequestUnknown: no such event asked this agency for anything.
    """
    agency = work.caller.agency
    found = _OF_EVENT.first(work.session, of_id=event_id, of_agency=agency)
    if found is None:
        raise RequestUnknown(pointer="#/event")
    if found.acknowledged_at is None:
        by = {
            "of_event": found.event,
            "of_agency": agency,
            "of_case": found.case_id,
            "of_kinds": ["identity"] if found.asks == "identity" else ["identity", "case", "erasure"],
            "now": work.now,
            "by": work.caller.subject,
        }
        _ACKNOWLEDGE.write(work.session, [by])
        audit(work, "deletion.acknowledge", found.case_id)
    return deletion_view(found).model_copy(update={"acknowledged_at": found.acknowledged_at or work.now})


def escalate(work: Work) -> int:
    """What the clock asks for: requests whose time is over are marked, and operators told, once; how many.

    Who has left the exchange cannot be told, nor answer: it is asked when it comes back. Nor can an agency whose log is
    still being written; its time begins when the log is whole.
    """
    joining = set(joining_now(work.session))
    asked = [agency for agency in members(work.session) if agency not in joining]
    late = work.session.execute(
        update(_REQUESTS)
        .where(_OVERDUE, _REQUESTS.c.due_at <= work.now, _REQUESTS.c.agency.in_(asked))
        .values(escalated_at=work.now)
        .returning(_REQUESTS.c.agency)
    ).scalars()
    counted: dict[str, int] = {}
    for agency in late:
        counted[agency] = counted.get(agency, 0) + 1
    for agency, requests in sorted(counted.items()):
        log.error("an agency has not said that it deleted", agency=agency, requests=requests)
    return sum(counted.values())
