"""What is on its way to each endpoint: taken from the agency's log, in order per case, until it is delivered.

Whoever changes messages of an endpoint holds the lock of its row. A case's first open message alone is due; `regroup`
says which that is, after whatever has changed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import and_, bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from services.exchange.models import Agency, LogRow, StoredEvent, WebhookEndpoint, WebhookMessage
from services.exchange.webhooks.signing import message_id
from shared.database.models import table_of
from shared.database.prepared import Prepared, insert_in
from shared.events.exchange import Withheld
from shared.events.intake import CaseErased, ConsentChanged

ENDPOINTS = table_of(WebhookEndpoint)
MESSAGES = table_of(WebhookMessage)
_LOG = table_of(LogRow)
_STORED = table_of(StoredEvent)
_AGENCIES = table_of(Agency)

OPEN = WAITING, RETRYING, EXHAUSTED = "waiting", "retrying", "exhausted"
"""Open: what comes later in the case waits."""
DELIVERED, SKIPPED, WITHHELD = "delivered", "skipped", "withheld"
"""Closed. Withheld: consent or policy shows nothing of it any more, or nothing that the subscription is for."""
ALWAYS = frozenset({ConsentChanged.TYPE, CaseErased.TYPE})
"""Types that may ask for deletion: whoever is sent anything is sent that."""
_ASKING = tuple(one.encode() for one in ALWAYS)

_ENABLED = Prepared(select(ENDPOINTS.c.endpoint_id).where(ENDPOINTS.c.state == "enabled").limit(1))
_NEXT = Prepared(
    select(_LOG.c.position, _LOG.c.grant_number, _STORED.c.source, _STORED.c.id, _STORED.c.subject, _STORED.c.payload)
    .join(_STORED, _STORED.c.position == _LOG.c.event)
    .where(_LOG.c.agency == bindparam("of_agency"), _LOG.c.position > bindparam("after"))
    .order_by(_LOG.c.position)
    .limit(bindparam("at_most"))
)
_END = Prepared(select(_AGENCIES.c.last).where(_AGENCIES.c.agency == bindparam("of_agency")))
_MOVE = Prepared(
    update(ENDPOINTS).where(ENDPOINTS.c.endpoint_id == bindparam("of_endpoint")).values(cursor=bindparam("to_cursor"))
)
AGAIN: dict[str, Any] = {
    "state": WAITING,
    "open": True,
    "due_at": None,
    "attempts": 0,
    "failed_at": None,
    "round": MESSAGES.c.round + 1,
}
"""A message that is to be delivered again. `regroup` says whether it is due."""
_TAKE = Prepared(
    lambda dialect: insert_in(dialect, MESSAGES).on_conflict_do_update(
        index_elements=("endpoint_id", "position"), set_=AGAIN
    )
)
_DUE = Prepared(
    select(
        MESSAGES.c.position,
        MESSAGES.c.message_id,
        MESSAGES.c.subject,
        MESSAGES.c.round,
        MESSAGES.c.attempts,
        MESSAGES.c.failed_at,
        MESSAGES.c.tried_at,
    )
    .where(MESSAGES.c.endpoint_id == bindparam("of_endpoint"), MESSAGES.c.due_at <= bindparam("now"))
    .order_by(MESSAGES.c.failed_at.is_not(None), MESSAGES.c.due_at, MESSAGES.c.position)
    .limit(bindparam("at_most"))
)
_SETTLE = Prepared(
    update(MESSAGES)
    .where(
        MESSAGES.c.endpoint_id == bindparam("of_endpoint"),
        MESSAGES.c.position == bindparam("of_position"),
        MESSAGES.c.round == bindparam("of_round"),
        MESSAGES.c.open,
    )
    .values(
        state=bindparam("to_state"),
        open=bindparam("to_open"),
        due_at=bindparam("to_due"),
        attempts=bindparam("to_attempts"),
        failed_at=bindparam("to_failed"),
        tried_at=bindparam("to_tried"),
        outcome=bindparam("to_outcome"),
        status=bindparam("to_status"),
    )
)
_OTHER = MESSAGES.alias("other")
_HAS_EARLIER = exists(
    select(_OTHER.c.position).where(
        _OTHER.c.endpoint_id == MESSAGES.c.endpoint_id,
        _OTHER.c.subject == MESSAGES.c.subject,
        _OTHER.c.position < MESSAGES.c.position,
        _OTHER.c.open,
    )
)
_OF_CASES = and_(
    MESSAGES.c.endpoint_id == bindparam("of_endpoint"),
    MESSAGES.c.subject.in_(bindparam("of_subjects", expanding=True)),
    MESSAGES.c.open,
)
_HURRY = Prepared(
    update(MESSAGES)
    .where(_OF_CASES, MESSAGES.c.state.in_((RETRYING, EXHAUSTED)))
    .values(state=RETRYING, due_at=bindparam("now"))
)
_DEMOTE = Prepared(update(MESSAGES).where(_OF_CASES, MESSAGES.c.due_at.is_not(None), _HAS_EARLIER).values(due_at=None))
_HEADS = Prepared(
    select(MESSAGES.c.subject, func.min(MESSAGES.c.position).label("position"))
    .where(_OF_CASES)
    .group_by(MESSAGES.c.subject)
)
"""By the index alone: thousands may wait in one case."""
_PROMOTE = Prepared(
    update(MESSAGES)
    .where(
        MESSAGES.c.endpoint_id == bindparam("of_endpoint"),
        MESSAGES.c.position.in_(bindparam("at_positions", expanding=True)),
        MESSAGES.c.due_at.is_(None),
        MESSAGES.c.state != EXHAUSTED,
    )
    .values(due_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Due:
    """A message that may be tried now."""

    position: int
    message_id: str
    subject: str
    round: int
    attempts: int
    failed_at: datetime | None
    """When the failing began that still goes on."""
    tried_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a message that was picked. `due_at` where it is tried again."""

    endpoint: str
    message: Due
    state: str
    tried_at: datetime | None
    outcome: str
    status: int | None = None
    due_at: datetime | None = None
    failed_at: datetime | None = None

    @property
    def open(self) -> bool:
        return self.state in OPEN


def any_enabled(session: Session) -> bool:
    """Whether there is anything to do at all: asked after every commit, where nobody has webhooks."""
    return _ENABLED.first(session) is not None


def lock(session: Session, endpoints: Iterable[str]) -> list[Any]:
    """The rows of these endpoints, for this transaction alone."""
    return list(
        session.execute(
            select(ENDPOINTS)
            .where(ENDPOINTS.c.endpoint_id.in_(sorted(set(endpoints))))
            .order_by(ENDPOINTS.c.endpoint_id)
            .with_for_update()
        )
    )


def take(session: Session, endpoint: Any, now: datetime, at_most: int) -> None:
    """The next rows of the log become messages. `endpoint`: its row, locked.

    One that is there already is to be delivered again: the cursor was set back. Where there are no more rows the cursor
    goes to the end of the log, since positions may be left out (after a restore).
    """
    # Asked first: whatever the log's end stands for is there by then.
    log = _END.first(session, of_agency=endpoint.agency)
    rows = _NEXT.all(session, of_agency=endpoint.agency, after=endpoint.cursor, at_most=at_most)
    taken_to = rows[-1].position if rows else endpoint.cursor
    if len(rows) < at_most and log is not None:
        taken_to = max(taken_to, log.last)
    wanted = None if endpoint.event_types is None else ALWAYS | set(endpoint.event_types)
    if wanted is not None and Withheld.TYPE in wanted:
        wanted = None  # any event may turn out to be one
    taken = [
        {
            "endpoint_id": endpoint.endpoint_id,
            "position": row.position,
            "message_id": message_id(endpoint.agency, row.grant_number, row.source, row.id),
            "subject": row.subject,
            "state": WAITING,
            "open": True,
            "due_at": None,
            "round": 0,
            "attempts": 0,
            "taken_at": now,
            "failed_at": None,
            "tried_at": None,
            "outcome": None,
            "status": None,
        }
        for row in rows
        if wanted is None or orjson.loads(row.payload)["type"] in wanted
    ]
    _TAKE.write(session, taken)
    hurried = {row.subject for row in rows if any(kind in row.payload for kind in _ASKING)}
    if hurried:
        # What waits for its next try, or was given up, may be nothing by now: the request to delete stands behind it.
        _HURRY.write(session, [{"of_endpoint": endpoint.endpoint_id, "of_subjects": sorted(hurried), "now": now}])
    _MOVE.write(session, [{"of_endpoint": endpoint.endpoint_id, "to_cursor": taken_to}])
    regroup(session, endpoint.endpoint_id, {str(one["subject"]) for one in taken}, now)


def due(session: Session, endpoint: str, now: datetime, at_most: int) -> list[Due]:
    """What may be tried now: what has not failed before what has, and the longest due first."""
    rows = _DUE.all(session, of_endpoint=endpoint, now=now, at_most=at_most)
    return [Due(*row) for row in rows]


def settle(session: Session, verdicts: Sequence[Verdict], now: datetime) -> None:
    """Write down what became of messages; the next ones of cases that may go on are due. Endpoints are locked."""
    _SETTLE.write(
        session,
        [
            {
                "of_endpoint": one.endpoint,
                "of_position": one.message.position,
                "of_round": one.message.round,
                "to_state": one.state,
                "to_open": one.open,
                "to_due": one.due_at,
                "to_attempts": one.message.attempts + (one.tried_at is not None),
                "to_failed": one.failed_at,
                "to_tried": one.tried_at,
                "to_outcome": one.outcome,
                "to_status": one.status,
            }
            for one in verdicts
        ],
    )
    closed: dict[str, set[str]] = {}
    for one in verdicts:
        if not one.open:
            closed.setdefault(one.endpoint, set()).add(one.message.subject)
    for endpoint, subjects in sorted(closed.items()):
        _promote(session, endpoint, subjects, now)


def regroup(session: Session, endpoint: str, subjects: Collection[str], now: datetime) -> None:
    """The first open message of each case is due, where it may be tried; no other one is."""
    if subjects:
        _DEMOTE.write(session, [{"of_endpoint": endpoint, "of_subjects": sorted(subjects)}])
        _promote(session, endpoint, subjects, now)


def _promote(session: Session, endpoint: str, subjects: Collection[str], now: datetime) -> None:
    heads = _HEADS.all(session, of_endpoint=endpoint, of_subjects=sorted(subjects))
    if heads:
        positions = sorted(row.position for row in heads)
        _PROMOTE.write(session, [{"of_endpoint": endpoint, "at_positions": positions, "now": now}])


def ready(session: Session, endpoint: str, now: datetime, at_most: int) -> int:
    """How many messages may be tried now; `at_most` is enough to know."""
    some = (
        select(MESSAGES.c.position)
        .where(MESSAGES.c.endpoint_id == endpoint, MESSAGES.c.due_at <= now)
        .limit(at_most)
        .subquery()
    )
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())
