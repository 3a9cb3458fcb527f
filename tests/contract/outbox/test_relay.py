"""What is recorded reaches the bus: everything, in order, marked only once it is there."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.orm import Session

from shared.bus.protocol import Topic
from shared.events.envelope import CONTENT_TYPE
from shared.outbox import lease as lease_module
from shared.outbox import relay as relay_module
from shared.outbox.lease import Lease
from shared.outbox.relay import Relay, backlog
from shared.outbox.table import EVENTS, UNPUBLISHED
from shared.work import Desk
from tests.contract.outbox.places import (
    PATIENCE_SECONDS,
    Place,
    Wavering,
    first_appearances,
    log_of,
    tell,
    texts,
    until,
    versions,
)

NEVER_SECONDS = 3600.0


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "BACKOFF_SECONDS", (0.01,))


@pytest.fixture
async def bus(place: Place) -> Wavering:
    return Wavering(place.bus)


@pytest.fixture
async def relay(desk: Desk, bus: Wavering) -> AsyncIterator[Relay]:
    one = Relay(desk, bus, Lease(desk.database, "relay", alone=True))
    yield one
    bus.held = None
    await one.stop()


async def until_published(desk: Desk) -> None:
    async def nothing_waits() -> bool:
        return await desk.read(backlog) == 0

    await until(nothing_waits)


async def tell_a_season(desk: Desk) -> None:
    """1,120 events, more than go to the bus at once."""
    await asyncio.gather(*(tell(desk, f"case-{n % 7}", *(f"{n}.{part}" for part in range(8))) for n in range(140)))


async def test_everything_is_published_in_order_and_byte_for_byte(desk: Desk, place: Place, relay: Relay) -> None:
    await tell_a_season(desk)
    await tell(desk, "case-0", "Pos Pemulangan · ‘Entikong’ ✓")
    await relay.start()
    await until_published(desk)

    received = await place.on_the_bus(1121)
    rows = await desk.read(
        lambda session: session.execute(
            select(EVENTS.c.subject, EVENTS.c.payload, EVENTS.c.recorded_ms).order_by(EVENTS.c.position)
        ).all()
    )

    assert len(received) == 1121
    for subject in {row.subject for row in rows}:
        sent = [(row.payload, row.recorded_ms) for row in rows if row.subject == subject]
        assert [(one.value, one.timestamp_ms) for one in received if one.key == subject] == sent
    assert {one.headers for one in received} == {(("content-type", CONTENT_TYPE.encode()),)}


async def test_an_event_is_on_the_bus_long_before_the_next_poll(
    desk: Desk, place: Place, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", NEVER_SECONDS)
    await relay.start()

    for number in range(20):  # one or the other could be found by a look that was under way
        await tell(desk, "case", f"{number}")
        await until_published(desk)

    assert len(await place.on_the_bus()) == 20


async def test_what_another_replica_recorded_is_found_by_polling(
    place: Place, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.02)
    await relay.start()
    elsewhere = await place.desk()

    await tell(elsewhere, "case", "quietly")

    assert len(await place.on_the_bus(1)) == 1


@pytest.mark.parametrize("how", ["refusals", "torn", "unheard"])
async def test_a_bus_that_fails_loses_nothing(desk: Desk, place: Place, relay: Relay, bus: Wavering, how: str) -> None:
    setattr(bus, how, 5)
    await tell_a_season(desk)
    await relay.start()
    await until_published(desk)

    arrived = first_appearances(await place.on_the_bus())

    assert bus.attempts >= 7  # two batches, five failures
    assert versions(arrived) == {f"case-{n}": list(range(1, 161)) for n in range(7)}
    log = await log_of(desk)
    assert {subject: texts(events) for subject, events in arrived.items()} == {
        f"case-{n}": texts(log, f"case-{n}") for n in range(7)
    }


async def test_nothing_is_marked_before_the_bus_has_it(desk: Desk, relay: Relay, bus: Wavering) -> None:
    bus.held = asyncio.Event()
    await tell(desk, "case", "a", "b")
    await relay.start()
    await asyncio.wait_for(bus.entered.wait(), PATIENCE_SECONDS)

    assert await desk.read(backlog) == 2
    bus.held.set()
    await until_published(desk)


async def test_a_relay_that_lost_its_lease_marks_nothing(desk: Desk, place: Place) -> None:
    stalled, refusing = Wavering(place.bus), Wavering(place.bus)
    stalled.held = asyncio.Event()
    refusing.refusals = 1_000_000
    zombie = Relay(desk, stalled, Lease(desk.database, "relay"))
    heir = Relay(desk, refusing, Lease(desk.database, "relay", alone=True))
    await tell(desk, "case", *"abc")
    await zombie.start()
    await asyncio.wait_for(stalled.entered.wait(), PATIENCE_SECONDS)
    await heir.start()
    await asyncio.wait_for(refusing.entered.wait(), PATIENCE_SECONDS)
    assert heir.leading

    stalled.held.set()
    await place.on_the_bus(3)

    async def zombie_knows() -> bool:
        return not zombie.leading

    await until(zombie_knows)

    assert await desk.read(backlog) == 3
    assert stalled.attempts == 1
    refusing.refusals = 0
    await until_published(desk)
    received = await place.on_the_bus(6)
    assert [one.offset for one in received] == list(range(6))
    assert versions(first_appearances(received)) == {"case": [1, 2, 3]}
    await zombie.stop()
    await heir.stop()


async def test_one_of_two_replicas_leads_until_it_stops(desk: Desk, place: Place) -> None:
    first = Relay(desk, place.bus, Lease(desk.database, "relay"))
    second = Relay(desk, place.bus, Lease(desk.database, "relay"))
    await first.start()
    await tell(desk, "case", "a")
    await until_published(desk)
    await second.start()
    await tell(desk, "case", "b")
    await until_published(desk)
    assert (first.leading, second.leading) == (True, False)

    await first.stop()
    await tell(desk, "case", "c")
    await until_published(desk)

    assert (first.leading, second.leading) == (False, True)
    assert texts(first_appearances(await place.on_the_bus(3))["case"]) == ["a", "b", "c"]
    await second.stop()


async def test_a_dead_relay_is_followed_within_its_lease(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "LEASE_MS", 700)
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.05)
    dead = Lease(desk.database, "relay")
    assert await dead.hold()
    heir = Lease(desk.database, "relay")
    assert not await heir.hold()
    relay = Relay(desk, place.bus, heir)
    await relay.start()
    await tell(desk, "case", "a")

    assert len(await place.on_the_bus(1)) == 1
    assert heir.number == 2
    await relay.stop()


async def test_a_commit_that_comes_late_is_not_skipped(desk: Desk, place: Place, relay: Relay) -> None:
    """A row may appear at a position before those that are published already."""
    await tell(desk, "case", "a", "b")
    late = await desk.read(_last_row)
    await desk.write(lambda work: work.session.execute(delete(EVENTS).where(EVENTS.c.id == late.id)))
    gone = delete(UNPUBLISHED).where(UNPUBLISHED.c.position == late.position)
    await desk.write(lambda work: work.session.execute(gone))
    await tell(desk, "other", "c")
    await relay.start()
    await until_published(desk)
    published = await desk.read(_last_row)
    assert published.position > late.position

    await desk.write(lambda work: work.session.execute(insert(EVENTS).values(dict(late._mapping))))
    await until_published(desk)

    assert versions(first_appearances(await place.on_the_bus(3))) == {"case": [1, 2], "other": [1]}


async def test_a_topic_that_somebody_else_declares_later_is_waited_for(desk: Desk, relay: Relay, bus: Wavering) -> None:
    await tell(desk, "case", "a")
    await desk.write(lambda work: work.session.execute(EVENTS.update().values(topic="pulang.later")))
    await relay.start()
    await until(lambda: _at_least(bus, 2))
    assert await desk.read(backlog) == 1

    await bus.declare([Topic("pulang.later")])
    await until_published(desk)


async def test_a_relay_that_cannot_go_on_says_why(desk: Desk, relay: Relay, bus: Wavering) -> None:
    bus.broken = ValueError("a record that no bus takes")
    await tell(desk, "case", "a")
    await relay.start()

    async def ended() -> bool:
        return relay.failed() is not None

    await until(ended)

    assert relay.failed() is bus.broken
    await relay.stop()


async def _at_least(bus: Wavering, attempts: int) -> bool:
    return bus.attempts >= attempts


def _last_row(session: Session) -> Row[Any]:
    newest = select(func.max(EVENTS.c.position)).scalar_subquery()
    return session.execute(select(EVENTS).where(EVENTS.c.position == newest)).one()
