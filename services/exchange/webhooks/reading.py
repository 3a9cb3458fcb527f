"""Reading webhooks: a caller sees those of their agency; the scope is in the question, never an afterthought."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.models import Agency
from services.exchange.queries import Disclosed, read_at
from services.exchange.schemas import Delivery, Waiting, WebhookKey, WebhookView, WebhookWithSecret
from services.exchange.webhooks.lane import keys_of
from services.exchange.webhooks.messages import ALWAYS, ENDPOINTS, MESSAGES, OPEN
from services.exchange.webhooks.sealed import Seal
from services.exchange.webhooks.url import target_of
from shared.database.models import table_of
from shared.security.access import ALL
from shared.security.tokens import Caller

_AGENCIES = table_of(Agency)


def is_own(caller: Caller, row: Any) -> bool:
    """Whether it is the caller's to manage. A token that is limited to some types manages no webhook that gets others:
    with another address it would be sent them."""
    return row.agency == caller.agency and covers(caller, row.event_types)


def covers(caller: Caller, event_types: Sequence[str] | None) -> bool:
    """Whether the caller's token is good for a subscription to these types (None: all)."""
    if caller.event_types is None:
        return True
    return event_types is not None and set(event_types) - ALWAYS <= caller.event_types


def sees(caller: Caller, row: Any) -> bool:
    return ALL in caller.permissions or is_own(caller, row)


def _in_scope(caller: Caller) -> ColumnElement[bool]:
    return true() if ALL in caller.permissions else ENDPOINTS.c.agency == caller.agency


def _rows(session: Session, caller: Caller, which: ColumnElement[bool]) -> list[Any]:
    found = session.execute(
        select(ENDPOINTS, func.coalesce(_AGENCIES.c.last, 0).label("last"))
        .join(_AGENCIES, _AGENCIES.c.agency == ENDPOINTS.c.agency, isouter=True)
        .where(_in_scope(caller), ENDPOINTS.c.state != "deleted", which)
        .order_by(ENDPOINTS.c.created_at, ENDPOINTS.c.endpoint_id)
    )
    return [row for row in found if sees(caller, row)]


def find(session: Session, caller: Caller, webhook_id: str) -> Any | None:
    """Its row, where the caller may see it."""
    return next(iter(_rows(session, caller, ENDPOINTS.c.endpoint_id == webhook_id)), None)


def list_webhooks(session: Session, caller: Caller, seal: Seal, now: datetime) -> list[WebhookView]:
    """Those that the caller may see, the oldest first."""
    return [view_of(session, caller, row, seal, now) for row in _rows(session, caller, true())]


def view_of(session: Session, caller: Caller, row: Any, seal: Seal, now: datetime) -> WebhookView:
    """As the caller may see it. Raises SealBroken."""
    url = seal.open_url(row.endpoint_id, row.url)
    counts: dict[str, int] = dict(
        session.execute(
            select(MESSAGES.c.state, func.count())
            .where(MESSAGES.c.endpoint_id == row.endpoint_id, MESSAGES.c.open)
            .group_by(MESSAGES.c.state)
        ).all()
    )
    return WebhookView(
        id=row.endpoint_id,
        agency=row.agency,
        url=url if row.agency == caller.agency else f"https://{target_of(url).host}/…",
        event_types=row.event_types,
        gapless=row.event_types is None,
        state=row.state,
        disabled_because=row.disabled_because,
        created_at=row.created_at,
        delivered_at=row.delivered_at,
        failing_since=row.failing_since,
        messages=Waiting(untaken=max(0, row.last - row.cursor), **{state: counts.get(state, 0) for state in OPEN}),
        public_keys=public_keys(session, row.endpoint_id, seal, now),
    )


def public_keys(session: Session, webhook_id: str, seal: Seal, now: datetime) -> list[WebhookKey]:
    """Those that sign now, the newest first."""
    return [
        WebhookKey(public_key=one.signer.public_key, until=one.until) for one in keys_of(session, webhook_id, seal, now)
    ]


def with_secret(
    session: Session, caller: Caller, row: Any, seal: Seal, now: datetime, secret_id: str | None
) -> WebhookWithSecret:
    """With the secret of that id, where it is still the present one."""
    view = view_of(session, caller, row, seal, now)
    present = next(iter(keys_of(session, row.endpoint_id, seal, now)), None)
    secret = present.signer.secret if present is not None and present.secret_id == secret_id else None
    return WebhookWithSecret(**dict(view), secret=secret)


def list_deliveries(
    session: Session, directory: Directory, row: Any, state: str | None, before: int | None, limit: int
) -> tuple[list[Delivery], int | None]:
    """The newest of the log first; with the position after which the next page begins.

    Types and subjects are what the agency may see now: of a grant that is over there are none.
    """
    which = [MESSAGES.c.endpoint_id == row.endpoint_id]
    if before is not None:
        which.append(MESSAGES.c.position < before)
    if state is not None:
        which.append(MESSAGES.c.state == state)
        which.append(MESSAGES.c.open if state in OPEN else ~MESSAGES.c.open)
    found = session.execute(select(MESSAGES).where(*which).order_by(MESSAGES.c.position.desc()).limit(limit + 1)).all()
    page = found[:limit]
    told: dict[int, Disclosed] = {}
    if directory.knows(session, row.agency):
        told = read_at(session, directory, row.agency, [one.position for one in page])
    items = [_delivery(one, told.get(one.position)) for one in page]
    return items, page[-1].position if len(found) > limit else None


def _delivery(row: Any, told: Disclosed | None) -> Delivery:
    return Delivery(
        message=row.message_id,
        state=row.state,
        attempts=row.attempts,
        taken_at=row.taken_at,
        tried_at=row.tried_at,
        next_at=row.due_at,
        outcome=row.outcome,
        status=row.status,
        type=told and told.type,
        subject=told and told.key,
    )


def replayed_from(session: Session, webhook_id: str, since: datetime) -> tuple[int | None, int]:
    """The first position of what was taken or tried since then, and how many messages there are from it on."""
    mine = MESSAGES.c.endpoint_id == webhook_id
    first = session.execute(
        select(func.min(MESSAGES.c.position)).where(
            mine, or_(MESSAGES.c.taken_at >= since, MESSAGES.c.tried_at >= since)
        )
    ).scalar()
    if first is None:
        return None, 0
    count = session.execute(select(func.count()).select_from(MESSAGES).where(mine, MESSAGES.c.position >= first))
    return int(first), int(count.scalar_one())
