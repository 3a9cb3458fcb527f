"""Another try for what is parked: the head of a key first, then what waits behind it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from shared.consuming.inbox import Consumer, lock_marks, move_marks
from shared.consuming.parking import GAP, RETRY_SECONDS, UNDECODABLE, event_of, headers_of
from shared.consuming.table import PARKED
from shared.database.prepared import Prepared
from shared.database.protocol import is_transient
from shared.events.envelope import Event
from shared.work import Work

HEADS_AT_ONCE = 50
FOLLOWERS_AT_ONCE = 500

Waiting = Sequence[tuple[int, Event | None]]
"""Positions with their events; None where the bytes are none."""


def due(session: Session, consumer: str, now_ms: int) -> list[str]:
    """Keys whose head may be tried again now."""
    return [row.key for row in _DUE.all(session, of_consumer=consumer, now_ms=now_ms)]


# Asked every second by every consumer.
_HEADS = (
    select(func.min(PARKED.c.position).label("head"))
    .where(PARKED.c.consumer == bindparam("of_consumer"))
    .group_by(PARKED.c.key)
    .subquery()
)
_DUE = Prepared(
    select(PARKED.c.key)
    .join(_HEADS, _HEADS.c.head == PARKED.c.position)
    .where(~PARKED.c.dead, PARKED.c.retry_at_ms <= bindparam("now_ms"))
    .order_by(PARKED.c.position)
    .limit(HEADS_AT_ONCE)
)


def retry_key(work: Work, consumer: Consumer, key: str) -> int:
    """Apply what is parked under a key, in order, until one fails again; how many left the parking place.

    A head that fails waits longer each time; after the last try it is dead, and waits for an operator. The timers of
    all replicas come by here: whoever waited for the locks finds that the other one has just tried.
    """
    rows = work.session.execute(
        select(PARKED)
        .where(PARKED.c.consumer == consumer.name, PARKED.c.key == key)
        .order_by(PARKED.c.position)
        .limit(FOLLOWERS_AT_ONCE)
        .with_for_update()
    ).all()
    if not rows or rows[0].dead or rows[0].retry_at_ms > int(work.now.timestamp() * 1000):
        return 0
    waiting = [(row.position, event_of(row.payload, headers_of(row.binary_headers))) for row in rows]
    gone = 0
    while waiting:
        at, reason = 0, _try(work, consumer, waiting[0][1])
        if reason == GAP and (missing := missing_behind(work, consumer.name, waiting)) is not None:
            at, reason = missing, _try(work, consumer, waiting[missing][1])
        if reason is not None:
            _wait_longer(work, rows, waiting[0][0], reason)
            break
        work.session.execute(delete(PARKED).where(PARKED.c.position == waiting.pop(at)[0]))
        gone += 1
    return gone


def missing_behind(work: Work, consumer: str, waiting: Waiting) -> int | None:
    """Which of those behind is the one that the head lacks: what came late must not wait for its successor."""
    head = waiting[0][1]
    if head is None:
        return None
    stream = (head.source, head.subject)
    wanted = (*stream, lock_marks(work.session, consumer, [stream])[stream] + 1)
    for at, (_, event) in enumerate(waiting):
        if event is not None and (event.source, event.subject, event.streamversion) == wanted:
            return at
    return None


def _try(work: Work, consumer: Consumer, event: Event | None) -> str | None:
    """None when the event took effect (or had done so before); else why not."""
    if event is None:
        return UNDECODABLE
    stream = (event.source, event.subject)
    mark = lock_marks(work.session, consumer.name, [stream])[stream]
    if event.streamversion <= mark:
        return None
    if event.streamversion > mark + 1:
        return GAP
    try:
        with work.attempt():
            consumer.take(work, [event])
    except Exception as error:
        if is_transient(error):
            raise
        return type(error).__name__
    move_marks(work.session, consumer.name, {stream: event.streamversion})
    return None


def _wait_longer(work: Work, rows: Sequence[Row[*tuple[Any, ...]]], position: int, reason: str) -> None:
    attempts = next(row.attempts for row in rows if row.position == position) + 1
    wait = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS) - 1)]
    work.session.execute(
        update(PARKED)
        .where(PARKED.c.position == position)
        .values(
            attempts=attempts,
            reason=reason[:120],
            dead=attempts >= len(RETRY_SECONDS),
            retry_at_ms=int(work.now.timestamp() * 1000) + wait * 1000,
        )
    )
