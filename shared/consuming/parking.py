"""What cannot be taken in is set aside in order, under its record key; other cases go on."""

from collections.abc import Iterable
from functools import lru_cache

import orjson
from sqlalchemy import insert

from shared.bus.protocol import Received
from shared.consuming.table import LONGEST_KEY, LONGEST_NAME, PARKED
from shared.events.envelope import Event, NotAnEvent
from shared.work import Work

RETRY_SECONDS = (1, 5, 30, 120, 600, 3600)
"""Waits between tries; after the last one the head of a key is a dead letter."""

UNDECODABLE, GAP, BEHIND = "undecodable", "gap", "behind another"
"""Reasons for parking; any other is a class of error."""


def key_of(record: Received) -> str:
    """The record key under which others wait, as a text that every database takes."""
    return (record.key or "").replace("\x00", "")[:LONGEST_KEY]


def event_of(value: bytes, headers: Iterable[tuple[str, bytes]]) -> Event | None:
    """The event of a record; None where it is none, or one that no mark can be kept for."""
    return _event_of(value, tuple(headers))


@lru_cache(maxsize=1024)
def _event_of(value: bytes, headers: tuple[tuple[str, bytes], ...]) -> Event | None:
    """Kept for the process's other consumers, who read the same record a moment later: up to six of them."""
    try:
        event = Event.from_bytes(value, headers)
    except NotAnEvent:
        return None
    return event if max(len(event.source), len(event.subject)) <= LONGEST_NAME else None


def park(work: Work, consumer: str, record: Received, reason: str) -> None:
    """Set a record aside in the batch's transaction: the offset goes on, its mark stays."""
    work.session.execute(
        insert(PARKED).values(
            consumer=consumer,
            key=key_of(record),
            topic=record.topic,
            payload=record.value,
            binary_headers=orjson.dumps([[name, value.decode("utf-8", "replace")] for name, value in record.headers]),
            reason=reason[:120],
            attempts=0,
            retry_at_ms=int(work.now.timestamp() * 1000) + RETRY_SECONDS[0] * 1000,
            dead=False,
            told=False,
        )
    )


def headers_of(stored: bytes) -> list[tuple[str, bytes]]:
    """The CloudEvents attributes of a parked record in binary mode."""
    return [(name, value.encode()) for name, value in orjson.loads(stored)]
