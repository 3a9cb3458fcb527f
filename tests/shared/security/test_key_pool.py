"""The pool: each key once, refilled behind the caller's back, and never silent when it can't."""

import logging
import threading
from collections import Counter
from collections.abc import Iterator
from os import urandom

import pytest

from shared.security.key_pool import KeyPool, KeyStoreClosed
from shared.security.sealing import DataKey


class KeySource:
    """Makes keys, and knows how many were asked for by a taker and how many by the pool's own thread."""

    def __init__(self) -> None:
        self.asked_inline: list[int] = []
        self.asked_ahead: list[int] = []
        self.broken = False
        self._numbers = iter(range(1_000_000))

    def make(self, count: int) -> list[DataKey]:
        ahead = threading.current_thread().name.startswith("keys-")
        (self.asked_ahead if ahead else self.asked_inline).append(count)
        if self.broken:
            raise OSError("disk is full")
        return [DataKey(str(next(self._numbers)), urandom(32)) for _ in range(count)]


@pytest.fixture
def source() -> KeySource:
    return KeySource()


@pytest.fixture
def pool(source: KeySource) -> Iterator[KeyPool]:
    pool = KeyPool(source.make, batch=8, name="test")
    yield pool
    pool.close()


def test_nothing_is_made_before_the_first_take(source: KeySource, pool: KeyPool) -> None:
    assert source.asked_ahead == []
    assert "keys-test" not in {thread.name for thread in threading.enumerate()}
    assert pool.take(0) == []


def test_a_filled_pool_gives_without_making(source: KeySource, pool: KeyPool) -> None:
    pool.take(1)
    assert pool.settle(30)
    assert source.asked_inline == [1]
    assert len(pool.take(4)) == 4
    assert (source.asked_inline, source.asked_ahead) == ([1], [8])


def test_the_pool_is_refilled_when_fewer_than_half_are_left(source: KeySource, pool: KeyPool) -> None:
    pool.take(1)
    assert pool.settle(30)
    pool.take(5)
    assert pool.settle(30)
    assert source.asked_ahead == [8, 5]
    assert source.asked_inline == [1]


def test_a_take_larger_than_the_pool_makes_the_rest_at_once(source: KeySource, pool: KeyPool) -> None:
    pool.take(1)
    assert pool.settle(30)
    keys = pool.take(20)
    assert len({key.id for key in keys}) == 20
    assert source.asked_inline == [1, 12]


def test_what_keeps_keys_from_being_made_is_told_and_passes(
    source: KeySource, pool: KeyPool, caplog: pytest.LogCaptureFixture
) -> None:
    source.broken = True
    with caplog.at_level(logging.WARNING), pytest.raises(OSError, match="disk is full"):
        pool.take(1)
    assert pool.settle(30)
    assert [record.getMessage() for record in caplog.records] == ["no keys made ahead: OSError"]
    source.broken = False
    assert len(pool.take(1)) == 1
    assert pool.settle(30)
    assert len(pool.take(8)) == 8
    assert source.asked_inline == [1, 1]


def test_no_key_is_given_twice(pool: KeyPool) -> None:
    given: list[str] = []

    def take_many() -> None:
        for count in [1, 3, 1, 12, 2] * 40:
            given.extend(key.id for key in pool.take(count))

    threads = [threading.Thread(target=take_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 4 * 40 * 19
    assert Counter(given).most_common(1)[0][1] == 1


def test_fewer_than_none_cannot_be_taken(pool: KeyPool) -> None:
    with pytest.raises(ValueError, match="fewer than no keys"):
        pool.take(-1)


def test_a_closed_pool_gives_nothing_and_leaves_no_thread(source: KeySource, pool: KeyPool) -> None:
    pool.take(1)
    pool.close()
    pool.close()
    assert "keys-test" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(KeyStoreClosed):
        pool.take(1)
