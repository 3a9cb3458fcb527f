"""What was given up on: told to the operators without its payload, listed, shown, tried again."""

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Row, bindparam, func, select, update
from sqlalchemy.orm import Session

from shared.bus.protocol import Record
from shared.consuming.parking import event_of, headers_of
from shared.consuming.table import PARKED
from shared.database.prepared import Prepared
from shared.events.envelope import rfc3339
from shared.work import Work

SHOWN = 500
Letter = tuple[int, str, bytes]
"""Position, key, and the notice without the payload."""


def topic_of(service: str) -> str:
    """Where operators hear of a service's dead letters."""
    return f"pulang.dead-letters.{service}"


_UNTOLD = Prepared(
    select(PARKED.c.position, PARKED.c.consumer, PARKED.c.key, PARKED.c.topic, PARKED.c.reason, PARKED.c.attempts)
    .where(PARKED.c.dead, ~PARKED.c.told, PARKED.c.consumer == bindparam("of_consumer"))
    .order_by(PARKED.c.position)
    .limit(100)
)


def untold(session: Session, consumer: str) -> list[Letter]:
    """Dead letters that the operators have not been told of."""
    told = _UNTOLD.all(session, of_consumer=consumer)
    return [(row.position, row.key, orjson.dumps(row._asdict())) for row in told]


def notices(service: str, letters: list[Letter], now_ms: int) -> list[Record]:
    """The records for the dead-letter topic, under the key of the original."""
    headers = (("content-type", b"application/json"),)
    return [Record(topic_of(service), key, notice, now_ms, headers) for _, key, notice in letters]


def mark_told(session: Session, positions: list[int]) -> None:
    """What an operator has asked for again meanwhile lives, and will be told of when it dies once more.

    Every replica tells: two that look at once tell the same letter twice, which is a nuisance and no harm.
    """
    session.execute(update(PARKED).where(PARKED.c.position.in_(positions), PARKED.c.dead).values(told=True))


def parked(session: Session) -> list[dict[str, Any]]:
    """One entry per key that waits: its head, how many stand behind it. Never a payload."""
    return [row._asdict() for row in _HEADS.all(session)]


_WAITING = (
    select(func.min(PARKED.c.position).label("head"), func.count().label("waiting"))
    .group_by(PARKED.c.consumer, PARKED.c.key)
    .subquery()
)
_HEADS = Prepared(
    select(
        PARKED.c.consumer,
        PARKED.c.key,
        PARKED.c.topic,
        PARKED.c.reason,
        PARKED.c.attempts,
        PARKED.c.dead,
        _WAITING.c.waiting,
    )
    .join(_WAITING, _WAITING.c.head == PARKED.c.position)
    .order_by(PARKED.c.position)
    .limit(1000)
)


def show(session: Session, key: str) -> list[dict[str, Any]]:
    """What waits under a key, one behind the other, for each consumer; the first 500. Never a payload.

    `next_try`: when the head is tried by itself; none for what is dead, or stands behind another.
    """
    rows = session.execute(
        select(PARKED).where(PARKED.c.key == key).order_by(PARKED.c.consumer, PARKED.c.position).limit(SHOWN)
    ).all()
    shown: list[dict[str, Any]] = []
    for row in rows:
        is_head = not shown or shown[-1]["consumer"] != row.consumer
        shown.append(_attributes(row) | {"next_try": _moment(row.retry_at_ms) if is_head and not row.dead else None})
    return shown


def _attributes(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    event = event_of(row.payload, headers_of(row.binary_headers))
    names = ("type", "source", "subject", "streamversion")
    return {name: getattr(row, name) for name in ("position", "consumer", "topic", "reason", "attempts", "dead")} | {
        name: None if event is None else getattr(event, name) for name in names
    }


def _moment(ms: int) -> str:
    return rfc3339(datetime.fromtimestamp(ms / 1000, UTC))


def ask_again(work: Work, key: str | None = None) -> int:
    """Every parked head (or that of one key) is tried at the next tick; how many rows were woken."""
    chosen = update(PARKED).values(retry_at_ms=0, dead=False, told=False, attempts=0)
    if key is not None:
        chosen = chosen.where(PARKED.c.key == key)
    woken = work.session.execute(chosen.returning(PARKED.c.position)).all()
    return len(woken)
