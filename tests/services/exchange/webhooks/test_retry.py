"""When a message is tried again: a table."""

from datetime import UTC, datetime, timedelta

import pytest

from services.exchange.webhooks.retry import FOR, gives_up, next_attempt
from services.exchange.webhooks.signing import message_id

FAILED = datetime(2026, 11, 3, 5, tzinfo=UTC)
NONE = timedelta(0)


@pytest.mark.parametrize(
    ("attempts", "delay_seconds"), [(1, 5), (2, 30), (3, 120), (4, 600), (5, 1800), (6, 3600), (7, 3600), (60, 3600)]
)
def test_delays_grow_to_an_hour(attempts: int, delay_seconds: int) -> None:
    assert next_attempt(FAILED, attempts, FAILED, 0, NONE) == FAILED + timedelta(seconds=delay_seconds)
    spread = next_attempt(FAILED, attempts, FAILED, 1, NONE)
    assert spread == FAILED + timedelta(seconds=delay_seconds * 1.1)


def test_all_attempts_lie_within_three_days_and_the_last_is_at_their_end() -> None:
    now, attempts, at = FAILED, 1, [FAILED]
    while (again := next_attempt(FAILED, attempts, now, 0.5, NONE)) is not None:
        assert again > now
        now, attempts = again, attempts + 1
        at.append(now)
    assert at[-1] == FAILED + FOR == FAILED + timedelta(days=3)
    assert 70 < len(at) < 80


@pytest.mark.parametrize(
    ("asked", "delay"),
    [
        (timedelta(minutes=10), timedelta(minutes=10)),
        (timedelta(days=9), timedelta(hours=1)),
        (NONE, timedelta(seconds=5)),
    ],
)
def test_what_the_receiver_asks_for_counts_up_to_an_hour(asked: timedelta, delay: timedelta) -> None:
    assert next_attempt(FAILED, 1, FAILED, 0, asked) == FAILED + delay


def test_an_endpoint_is_given_up_after_three_days() -> None:
    assert not gives_up(FAILED, FAILED + FOR - timedelta(seconds=1))
    assert gives_up(FAILED, FAILED + FOR)


def test_message_ids_do_not_run_together() -> None:
    ids = {
        message_id(*parts)
        for parts in [
            ("iom", 1, "/pulang/aid", "a"),
            ("iom", 2, "/pulang/aid", "a"),
            ("iom", 1, "/pulang/aida", ""),
            ("iom", 1, "/pulang/ai", "da"),
            ("bp2mi", 1, "/pulang/aid", "a"),
            ("iom", 11, "/pulang/aid", "a"),
        ]
    }
    assert len(ids) == 6
    assert all("." not in one and len(one) == 30 for one in ids)
