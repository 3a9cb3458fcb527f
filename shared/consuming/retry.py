"""Another try for what is parked: the head of a key first, then what waits behind it."""

from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.orm import Session

from shared.consuming.inbox import Consumer, lock_marks, move_marks
from shared.consuming.parking import RETRY_SECONDS, headers_of
from shared.consuming.table import PARKED
from shared.events.envelope import Event, NotAnEvent
from shared.work import Work

HEADS_AT_ONCE = 50
FOLLOWERS_AT_ONCE = 500


def due(session: Session, consumer: str, now_ms: int) -> list[str]:
    """Keys whose head may be tried again now."""
    heads = (
        select(func.min(PARKED.c.position).label("head"))
        .where(PARKED.c.consumer == consumer)
        .group_by(PARKED.c.key)
        .subquery()
    )
    return list(
        session.execute(
            select(PARKED.c.key)
            .join(heads, heads.c.head == PARKED.c.position)
            .where(~PARKED.c.dead, PARKED.c.retry_at_ms <= now_ms)
            .order_by(PARKED.c.position)
            .limit(HEADS_AT_ONCE)
        ).scalars()
    )


def retry_key(work: Work, consumer: Consumer, key: str) -> int:
    """Apply what is parked under a key, in order, until one fails again; how many left the parking place.

    A head that fails waits longer each time; after the last try it is dead, and waits for an operator.
    """
    rows = work.session.execute(
        select(PARKED)
        .where(PARKED.c.consumer == consumer.name, PARKED.c.key == key)
        .order_by(PARKED.c.position)
        .limit(FOLLOWERS_AT_ONCE)
        .with_for_update()
    ).all()
    for done, row in enumerate(rows):
        reason = _try(work, consumer, row)
        if reason is not None:
            _wait_longer(work, row, reason)
            return done
        work.session.execute(delete(PARKED).where(PARKED.c.position == row.position))
    return len(rows)


def _try(work: Work, consumer: Consumer, row: Row[*tuple[Any, ...]]) -> str | None:
    """None when the event took effect (or had done so before); else why not."""
    try:
        event = Event.from_bytes(row.payload, headers_of(row.binary_headers))
    except NotAnEvent:
        return "undecodable"
    stream = (event.source, event.subject)
    mark = lock_marks(work.session, consumer.name, [stream])[stream]
    if event.streamversion <= mark:
        return None
    if event.streamversion > mark + 1:
        return "gap"
    try:
        with work.attempt():
            consumer.apply(work, [event])
    except Exception as error:
        return type(error).__name__
    move_marks(work.session, consumer.name, {stream: event.streamversion})
    return None


def _wait_longer(work: Work, row: Row[*tuple[Any, ...]], reason: str) -> None:
    attempts = row.attempts + 1
    wait = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS) - 1)]
    work.session.execute(
        update(PARKED)
        .where(PARKED.c.position == row.position)
        .values(
            attempts=attempts,
            reason=reason[:120],
            dead=attempts >= len(RETRY_SECONDS),
            retry_at_ms=int(work.now.timestamp() * 1000) + wait * 1000,
        )
    )
