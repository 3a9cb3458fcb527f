"""Reading requests to delete. The caller's scope is an argument."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select, true, tuple_
from sqlalchemy.orm import Session
from sqlmodel import col

from services.exchange.models import DeletionRequest, StoredEvent
from services.exchange.schemas import DeletionView
from shared.database.models import table_of
from shared.security.access import ALL
from shared.security.tokens import Caller
from shared.times import utc_now

_REQUESTS = table_of(DeletionRequest)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to, and where it goes on."""

    state: str | None
    agency: str | None
    after: tuple[int, str]
    limit: int


@dataclass(frozen=True, slots=True)
class Deletions:
    """A page; `last`: where the next one goes on, None where there is none."""

    items: list[DeletionView]
    last: tuple[int, str] | None


def list_deletions(session: Session, caller: Caller, wanted: Wanted) -> Deletions:
    """In the order in which they were asked for."""
    mine = true() if ALL in caller.permissions else _REQUESTS.c.agency == caller.agency
    place = tuple_(_REQUESTS.c.event, _REQUESTS.c.agency)
    chosen = (
        select(_REQUESTS, col(StoredEvent.id).label("event_id"))
        .join(StoredEvent, col(StoredEvent.position) == _REQUESTS.c.event)
        .where(mine, place > wanted.after, _in_state(wanted.state, utc_now()))
        .order_by(_REQUESTS.c.event, _REQUESTS.c.agency)
        .limit(wanted.limit)
    )
    if wanted.agency is not None:
        chosen = chosen.where(_REQUESTS.c.agency == wanted.agency)
    rows = session.execute(chosen).all()
    return Deletions(
        [deletion_view(row) for row in rows], (rows[-1].event, rows[-1].agency) if len(rows) == wanted.limit else None
    )


def deletion_view(row: Any) -> DeletionView:
    """As it is answered. `row`: of a request, with the id of its event."""
    return DeletionView(
        event=row.event_id,
        agency=row.agency,
        case_id=row.case_id,
        asks=row.asks,
        asked_at=row.asked_at,
        due_at=row.due_at,
        escalated_at=row.escalated_at,
        acknowledged_at=row.acknowledged_at,
    )


def _in_state(state: str | None, now: datetime) -> ColumnElement[bool]:
    if state is None:
        return true()
    if state == "acknowledged":
        return _REQUESTS.c.acknowledged_at.is_not(None)
    still = _REQUESTS.c.acknowledged_at.is_(None)
    return still & (_REQUESTS.c.due_at <= now) if state == "overdue" else still
