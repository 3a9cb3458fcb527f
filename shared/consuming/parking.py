"""What cannot be taken in is set aside in order, under its record key; other cases go on."""

import orjson
from sqlalchemy import insert

from shared.bus.protocol import Received
from shared.consuming.table import PARKED
from shared.work import Work

RETRY_SECONDS = (1, 5, 30, 120, 600, 3600)
"""Waits between tries; after the last one the head of a key is a dead letter."""


def park(work: Work, consumer: str, record: Received, reason: str) -> None:
    """Set a record aside in the batch's transaction: the offset goes on, its mark stays."""
    work.session.execute(
        insert(PARKED).values(
            consumer=consumer,
            key=record.key or "",
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
