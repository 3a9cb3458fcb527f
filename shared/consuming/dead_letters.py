"""What was given up on: told to the operators without its payload, listed, tried again."""

from typing import Any

import orjson
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from shared.bus.protocol import Record
from shared.consuming.table import PARKED
from shared.work import Work


def topic_of(service: str) -> str:
    """Where operators hear of a service's dead letters."""
    return f"pulang.dead-letters.{service}"


_UNTOLD = (
    select(PARKED.c.position, PARKED.c.consumer, PARKED.c.key, PARKED.c.topic, PARKED.c.reason, PARKED.c.attempts)
    .where(PARKED.c.dead, ~PARKED.c.told, PARKED.c.consumer == bindparam("of_consumer"))
    .order_by(PARKED.c.position)
    .limit(100)
)


def untold(session: Session, consumer: str) -> list[tuple[int, str, bytes]]:
    """Dead letters that the operators have not been told of: position, key, and the notice without the payload."""
    rows = session.connection().execute(_UNTOLD, {"of_consumer": consumer})
    # SQLAlchemy's names are a subclass of str, which orjson refuses as keys.
    told = ({str(name): value for name, value in row._mapping.items()} for row in rows)
    return [(notice["position"], notice["key"], orjson.dumps(notice)) for notice in told]


def notices(service: str, letters: list[tuple[int, str, bytes]], now_ms: int) -> list[Record]:
    """The records for the dead-letter topic, under the key of the original."""
    headers = (("content-type", b"application/json"),)
    return [Record(topic_of(service), key, notice, now_ms, headers) for _, key, notice in letters]


def mark_told(session: Session, positions: list[int]) -> None:
    session.execute(update(PARKED).where(PARKED.c.position.in_(positions)).values(told=True))


def parked(session: Session) -> list[dict[str, Any]]:
    """One entry per key that waits: its head, how many stand behind it. Never a payload."""
    heads = (
        select(func.min(PARKED.c.position).label("head"), func.count().label("waiting"))
        .group_by(PARKED.c.consumer, PARKED.c.key)
        .subquery()
    )
    rows = session.execute(
        select(
            PARKED.c.consumer,
            PARKED.c.key,
            PARKED.c.topic,
            PARKED.c.reason,
            PARKED.c.attempts,
            PARKED.c.dead,
            heads.c.waiting,
        )
        .join(heads, heads.c.head == PARKED.c.position)
        .order_by(PARKED.c.position)
        .limit(1000)
    )
    return [dict(row._mapping) for row in rows]


def ask_again(work: Work, key: str | None = None) -> int:
    """Every parked head (or that of one key) is tried at the next tick; how many rows were woken."""
    chosen = update(PARKED).values(retry_at_ms=0, dead=False, told=False, attempts=0)
    if key is not None:
        chosen = chosen.where(PARKED.c.key == key)
    woken = work.session.execute(chosen.returning(PARKED.c.position)).all()
    return len(woken)
