"""When a message is tried again, and for how long. Pure: no clock of its own."""

from datetime import datetime, timedelta

FIRST_DELAYS = tuple(timedelta(seconds=one) for one in (5, 30, 120, 600, 1800))
EVERY = timedelta(hours=1)
"""After the first ones: whoever comes back after a night is found within the hour."""
FOR = timedelta(days=3)
SPREAD = 0.1
"""Delays grow by up to this part, so that what failed together does not come back together."""


def next_attempt(failed_at: datetime, attempts: int, now: datetime, spread: float, after: timedelta) -> datetime | None:
    """When a message is tried again that has failed `attempts` times, first at `failed_at`; None: it is exhausted.

    The last attempt is three days after the first failure. `spread`: 0 to 1, the message's own; `after`: what the
    receiver asked for (Retry-After), which counts up to an hour.
    """
    last = failed_at + FOR
    if now >= last:
        return None
    delay = FIRST_DELAYS[attempts - 1] if attempts <= len(FIRST_DELAYS) else EVERY
    delay = max(delay * (1 + SPREAD * spread), min(after, EVERY))
    return min(now + delay, last)


def goes_on_failing(failed_at: datetime | None, now: datetime) -> bool:
    """Whether a failure follows on the last one (None: unknown). What fails is tried again within the hour: after a
    longer pause nothing was tried (all of it was skipped, or withheld), and nothing is known of the time between."""
    return failed_at is not None and now - failed_at <= 2 * EVERY


def gives_up(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint to which nothing was delivered since then is disabled."""
    return now >= failing_since + FOR
