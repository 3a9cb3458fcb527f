"""What becomes of a message after an attempt. Pure: no clock of its own."""

from datetime import datetime, timedelta
from typing import Protocol

from services.exchange.webhooks.messages import DELIVERED, EXHAUSTED, RETRYING, Due, Verdict
from services.exchange.webhooks.retry import goes_on_failing, next_attempt

MOST_BYTES = 64 * 1024
"""Of a body."""


class Answered(Protocol):
    """What came of one request; see `line.Result`."""

    @property
    def outcome(self) -> str: ...

    @property
    def status(self) -> int | None: ...

    @property
    def after(self) -> timedelta: ...

    @property
    def delivered(self) -> bool: ...


def verdict_of(endpoint: str, message: Due, result: Answered, now: datetime) -> Verdict:
    """Delivered, tried again, or exhausted after three days of trying."""
    if result.delivered:
        return Verdict(endpoint, message, DELIVERED, now, result.outcome, result.status, failed_at=message.failed_at)
    goes_on = message.failed_at is not None and goes_on_failing(message.tried_at, now)
    failed = message.failed_at if message.failed_at is not None and goes_on else now
    again = next_attempt(failed, message.attempts + 1, now, _spread(message.message_id), result.after)
    state = EXHAUSTED if again is None else RETRYING
    return Verdict(endpoint, message, state, now, result.outcome, result.status, due_at=again, failed_at=failed)


def too_large(endpoint: str, message: Due, now: datetime) -> Verdict:
    """No attempt would change it: its owner reads it from the feed and skips it."""
    return Verdict(endpoint, message, EXHAUSTED, None, "too_large", failed_at=message.failed_at or now)


def _spread(message_id: str) -> float:
    """0 to 1, the message's own."""
    return int.from_bytes(message_id[-2:].encode()) % 97 / 97
