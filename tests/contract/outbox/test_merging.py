"""Several logs as one: every row once, streams in order, causes before effects, and nothing held back without need."""

import asyncio
import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from shared.bus.protocol import Record
from shared.outbox.merging import LogPlace, Row, merged

SERVICES = ("aid", "intake", "shelter")


class ListedLog:
    """A log in memory."""

    def __init__(self, service: str, rows: Sequence[Row]) -> None:
        self.service = service
        self._rows = sorted(rows, key=lambda row: row.place.position)
        self.passed = 0

    async def head(self) -> Row | None:
        return self._rows[self.passed] if self.passed < len(self._rows) else None

    def pass_on(self) -> None:
        self.passed += 1


def row(
    service: str, position: int, *, at: int = 0, cause: LogPlace | None = None, subject: str = "case", version: int = 0
) -> Row:
    value = str(version).encode()
    return Row(LogPlace(service, position), at, cause, True, Record("pulang.lifecycle", subject, value, at))


def story(seed: int, length: int, put_back: bool) -> list[Row]:
    """Rows in the order in which they happened, with clocks that are hours apart. `put_back`: each log's positions
    were given out anew, stream by stream, as where a log is restored from the bus."""
    chance = random.Random(seed)  # noqa: S311
    skew = {service: chance.randrange(-10_000_000, 10_000_000) for service in SERVICES}
    told: list[tuple[str, str, int | None]] = []
    for n in range(length):
        told.append(
            (
                chance.choice(SERVICES),
                f"case-{chance.randrange(5)}",
                chance.randrange(n) if n and chance.random() < 0.7 else None,
            )
        )
    order = list(range(length))
    if put_back:
        streams = sorted({told[n][:2] for n in order}, key=lambda _: chance.random())
        order.sort(key=lambda n: (streams.index(told[n][:2]), n))
    places = {n: LogPlace(told[n][0], position) for position, n in enumerate(order, 1)}
    return [
        row(service, places[n].position, at=n + skew[service], subject=subject, version=n, cause=places.get(cause))  # type: ignore[arg-type]
        for n, (service, subject, cause) in enumerate(told)
    ]


async def in_order(rows: Sequence[Row]) -> list[Row]:
    logs = [ListedLog(service, [one for one in rows if one.place.service == service]) for service in SERVICES]
    return [one async for one in merged(logs)]


def check(rows: Sequence[Row], sent: Sequence[Row]) -> None:
    assert sorted(one.place for one in sent) == sorted(one.place for one in rows)
    at = {one.place: n for n, one in enumerate(sent)}
    assert all(at[one.cause] < at[one.place] for one in rows if one.cause is not None)
    for stream in {(one.place.service, one.record.key) for one in rows}:
        versions = [int(one.record.value) for one in sent if (one.place.service, one.record.key) == stream]
        assert versions == sorted(versions)


@given(st.integers(0, 2**32), st.integers(0, 60), st.booleans())
def test_every_row_comes_once_behind_its_cause_and_its_stream(seed: int, length: int, put_back: bool) -> None:
    rows = story(seed, length, put_back)
    check(rows, asyncio.run(in_order(rows)))


@given(st.integers(0, 2**32), st.integers(0, 60))
def test_nothing_is_held_in_memory_whatever_the_clocks_say(seed: int, length: int) -> None:
    rows = story(seed, length, put_back=False)
    logs = [ListedLog(service, [one for one in rows if one.place.service == service]) for service in SERVICES]

    async def held() -> list[int]:
        sent, ahead = 0, []
        async for _ in merged(logs):
            sent += 1
            ahead.append(sum(log.passed for log in logs) - sent)
        return ahead

    assert set(asyncio.run(held())) <= {0}


async def test_without_causes_the_earliest_comes_first() -> None:
    rows = [row("intake", 1, at=3), row("intake", 2, at=4), row("aid", 1, at=1), row("shelter", 9, at=2)]
    assert [one.recorded_ms for one in await in_order(rows)] == [1, 2, 3, 4]


async def test_a_circle_ends_nevertheless() -> None:
    first, second = LogPlace("intake", 1), LogPlace("aid", 1)
    rows = [
        row("intake", 1, at=2, cause=second),
        row("aid", 1, at=1, cause=first),
        row("aid", 2, at=5, version=1),
        row("shelter", 1, at=9, cause=first),
    ]
    sent = [one.place for one in await in_order(rows)]
    assert sorted(sent) == sorted(one.place for one in rows)
    assert sent.index(second) < sent.index(LogPlace("aid", 2))
