"""A projection built again beside the live one is the same as it, whatever is heard or happens meanwhile."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial

import pytest
from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from shared.bus.protocol import Bus, Received, Record, TopicPartition
from shared.consuming.discard import discard
from shared.consuming.inbox import read, take, take_in
from shared.consuming.loop import ConsumerLoop
from shared.consuming.projection import Projection
from shared.consuming.rebuild import Build, UnderWay, begin, progress
from shared.consuming.rebuild import build as build_module
from shared.consuming.rebuild import generations as generations_module
from shared.consuming.rebuild.generations import swap
from shared.consuming.retry import retry_key
from shared.consuming.table import INBOX, PARKED
from shared.database.prepared import adding
from shared.database.protocol import DatabaseUnavailable
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE
from shared.security.tokens import Caller
from shared.work import Cause, Desk, Work
from tests.contract.inbox.hearing import AID, INTAKE, Broken, at_work, retry_now, said, time_passes
from tests.contract.outbox.places import PATIENCE_SECONDS, Place, until
from tests.contract.unit_of_work.backends import Feature
from tests.contract.unit_of_work.tables import GENERATIONS, Tally

NAME = "notes.tallies"
SHELTER = "/pulang/shelter"
TALLIES: Table = Tally.metadata.tables["tallies"]
Picture = dict[tuple[str, str], int]


class Tallies:
    """Adds up the versions of each stream; may be broken for some events."""

    def __init__(self) -> None:
        self.broken: set[tuple[str, str, int]] = set()
        self.projection = Projection(NAME, (LIFECYCLE,), self.fold, (TALLIES,), GENERATIONS)

    def fold(self, work: Work, events: Sequence[Event], generation: int) -> None:
        heard: Counter[tuple[str, str]] = Counter()
        for event in events:
            if (event.source, event.subject, event.streamversion) in self.broken:
                raise Broken
            heard[event.source, event.subject] += event.streamversion
        adding(TALLIES, ("generation", "source", "subject"), "heard").write(
            work.session,
            [
                {"generation": generation, "source": source, "subject": subject, "heard": count}
                for (source, subject), count in sorted(heard.items())
            ],
        )


@pytest.fixture
def tallies() -> Tallies:
    return Tallies()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_module, "BATCH", 13)
    monkeypatch.setattr(build_module, "WAIT_SECONDS", 0.02)
    monkeypatch.setattr(build_module, "BEAT_SECONDS", 0.0)
    monkeypatch.setattr(build_module, "BACKOFF_SECONDS", (0.01,))
    monkeypatch.setattr(generations_module, "SWEPT_AT_ONCE", 3)


def story(seed: int, cases: int = 6, versions: int = 8) -> list[Record]:
    """Streams of three sources, shuffled within and between cases, with repeats."""
    chance = random.Random(seed)  # noqa: S311
    streams = {(source, f"case-{n}"): 0 for source in (INTAKE, AID, SHELTER) for n in range(cases)}
    records: list[Record] = []
    while open_ones := [stream for stream, version in streams.items() if version < versions]:
        source, subject = chance.choice(open_ones)
        streams[source, subject] += 1
        records.append(said(subject, streams[source, subject], source))
        if chance.random() < 0.2:
            records.append(chance.choice(records))
    return records


def expected(records: Sequence[Record]) -> Picture:
    """Slow and plain: every event once."""
    events = {record.value: Event.from_bytes(record.value) for record in records}.values()
    found: Picture = {}
    for event in events:
        stream = (event.source, event.subject)
        found[stream] = found.get(stream, 0) + event.streamversion
    return found


async def picture(desk: Desk, tallies: Tallies) -> Picture:
    """The live one, as anybody asks for it."""

    def ask(session: Session) -> Picture:
        chosen = select(Tally).where(Tally.generation == tallies.projection.live)
        return {(row.source, row.subject): row.heard for row in session.scalars(chosen)}

    return await desk.read(ask)


def listening(desk: Desk, bus: Bus, tallies: Tallies) -> AbstractAsyncContextManager[ConsumerLoop]:
    return at_work(desk, bus, tallies.projection)


async def until_heard(bus: Bus) -> None:
    async def no_lag() -> bool:
        return await bus.lag(NAME, [LIFECYCLE]) == 0

    await until(no_lag)


async def rebuild(desk: Desk, bus: Bus, tallies: Tallies) -> int:
    number = await desk.write(partial(begin, projection=tallies.projection))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await Build(desk, bus, tallies.projection, number).run()
    return number


async def told(desk: Desk, tallies: Tallies) -> dict[str, object]:
    return await desk.read(partial(progress, projection=tallies.projection))


async def left_over(desk: Desk, tallies: Tallies) -> tuple[set[int], set[str]]:
    """Generations that have rows, and names that have marks."""

    def look(session: Session) -> tuple[set[int], set[str]]:
        generations = set(session.scalars(select(Tally.generation).distinct()))
        names = set(session.scalars(select(INBOX.c.consumer).where(INBOX.c.consumer.startswith(NAME)).distinct()))
        return generations, names

    return await desk.read(look)


@pytest.mark.parametrize("seed", range(6))
async def test_rebuilt_is_live_at_any_prefix(desk: Desk, place: Place, tallies: Tallies, seed: int) -> None:
    records = story(seed)
    chance = random.Random(seed)  # noqa: S311
    prefixes = sorted(chance.sample(range(len(records) + 1), 3))
    async with listening(desk, place.bus, tallies):
        done = 0
        for number, prefix in enumerate(prefixes, 1):
            await place.bus.publish(records[done:prefix])
            done = prefix
            await until_heard(place.bus)
            before = await picture(desk, tallies)
            assert before == expected(records[:prefix])

            assert await rebuild(desk, place.bus, tallies) == number

            assert await picture(desk, tallies) == before
            assert (await told(desk, tallies))["live"] == number
        await place.bus.publish(records[done:])
        await until_heard(place.bus)

    assert await picture(desk, tallies) == expected(records)
    assert await left_over(desk, tallies) == ({3}, {f"{NAME}.3"})


async def test_what_is_heard_meanwhile_counts_once(desk: Desk, place: Place, tallies: Tallies) -> None:
    """Two members of the live group and, where there can be one, another replica."""
    records = story(7, cases=12, versions=12)
    elsewhere = await place.desk() if Feature.OPEN_WRITERS in place.databases.features else desk
    await place.bus.publish(records[:150])

    async def go_on() -> None:
        for at in range(150, len(records), 5):
            await place.bus.publish(records[at : at + 5])
            await asyncio.sleep(0.002)

    async with listening(desk, place.bus, tallies), listening(elsewhere, place.bus, tallies):
        publishing = asyncio.create_task(go_on())
        rounds = 0
        while not publishing.done() or not rounds:
            before = await picture(desk, tallies)
            await rebuild(desk, place.bus, tallies)
            after = await picture(desk, tallies)
            assert all(after.get(stream, 0) >= count for stream, count in before.items()), "the picture went back"
            rounds += 1
        await publishing
        await until_heard(place.bus)

    assert await picture(desk, tallies) == expected(records)


async def test_one_that_was_killed_leaves_the_live_one_and_is_begun_again(
    desk: Desk, place: Place, tallies: Tallies, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = story(3)
    async with listening(desk, place.bus, tallies):
        await place.bus.publish(records[:80])
        await until_heard(place.bus)
        number = await desk.write(partial(begin, projection=tallies.projection))
        killed = asyncio.create_task(Build(desk, place.bus, tallies.projection, number).run())

        async def has_begun() -> bool:
            return bool((await told(desk, tallies))["taken"])

        await until(has_begun)
        killed.cancel()
        await asyncio.wait([killed])
        assert await picture(desk, tallies) == expected(records[:80])
        await place.bus.publish(records[80:])
        await until_heard(place.bus)
        assert await picture(desk, tallies) == expected(records)
        with pytest.raises(UnderWay):
            await desk.write(partial(begin, projection=tallies.projection))

        monkeypatch.setattr(generations_module, "SILENT_SECONDS", 0.0)
        assert await rebuild(desk, place.bus, tallies) == number + 1

    assert await picture(desk, tallies) == expected(records)
    assert await left_over(desk, tallies) == ({number + 1}, {f"{NAME}.{number + 1}"})


async def test_one_that_is_superseded_gives_up(
    desk: Desk, place: Place, tallies: Tallies, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generations_module, "SILENT_SECONDS", 0.0)
    await place.bus.publish(story(2))
    first = await desk.write(partial(begin, projection=tallies.projection))
    second = await desk.write(partial(begin, projection=tallies.projection))

    async with asyncio.timeout(PATIENCE_SECONDS):
        await Build(desk, place.bus, tallies.projection, first).run()

    state = await told(desk, tallies)
    assert (state["live"], state["building"], state["ended"]) == (0, second, None)


async def test_a_stop_ends_it_and_says_so(desk: Desk, place: Place, tallies: Tallies) -> None:
    await place.bus.publish(story(2))
    number = await desk.write(partial(begin, projection=tallies.projection))
    build = Build(desk, place.bus, tallies.projection, number)
    build.stop()
    async with asyncio.timeout(PATIENCE_SECONDS):
        await build.run()

    state = await told(desk, tallies)
    assert (state["live"], state["building"], state["ended"]) == (0, None, "the process stopped")


async def test_it_takes_no_place_in_which_a_stream_was_further(desk: Desk, tallies: Tallies) -> None:
    records = [_received(said("case", version), version) for version in range(1, 7)]
    live = tallies.projection
    number = await desk.write(partial(begin, projection=live))
    await desk.write(lambda work: take_in(work, live.at(work.session), read(records)))
    ours = live.generation(number)
    for upto in (0, 3, 5):
        await desk.write(partial(take_in, consumer=ours, events=read(records[:upto])))
        assert not await desk.write(lambda work: swap(work.session, live, number))
        assert await picture(desk, tallies) == {(INTAKE, "case"): 21}

    await desk.write(partial(take_in, consumer=ours, events=read(records)))
    assert await desk.write(lambda work: swap(work.session, live, number))
    assert await picture(desk, tallies) == {(INTAKE, "case"): 21}


async def test_a_batch_of_the_live_one_is_waited_for(desk: Desk, place: Place, tallies: Tallies) -> None:
    """It began under the old generation: what it takes in there must be seen before the new one takes its place."""
    place.databases.require(Feature.OPEN_WRITERS)
    live, elsewhere = tallies.projection, await place.desk()
    records = [_received(said("case", version), version) for version in range(1, 3)]
    number = await desk.write(partial(begin, projection=live))
    await desk.write(partial(take_in, consumer=live.generation(number), events=read(records[:1])))
    swapped: list[asyncio.Task[bool]] = []
    begun = asyncio.Event()

    def batch(work: Work) -> None:
        consumer = live.at(work.session)
        begun.set()
        # Half a second in which the other one could slip in.
        work.session.execute(select(func.pg_sleep(0.5)))
        take_in(work, consumer, read(records))

    async def take_its_place() -> None:
        await begun.wait()
        swapped.append(asyncio.create_task(elsewhere.write(lambda work: swap(work.session, live, number))))

    await asyncio.gather(desk.write(batch), take_its_place())
    assert await swapped[0] is False


async def test_what_cannot_be_taken_in_waits_in_the_new_one_too(desk: Desk, place: Place, tallies: Tallies) -> None:
    tallies.broken.add((INTAKE, "case-1", 3))
    records = story(5)
    async with listening(desk, place.bus, tallies):
        await place.bus.publish(records)
        await until_heard(place.bus)
        parked = await _parked(desk)
        assert await rebuild(desk, place.bus, tallies) == 1
        assert {(name, key) for name, key in await _parked(desk)} == {(f"{NAME}.1", "case-1")}
        assert 0 < len(await _parked(desk)) <= len(parked), "none stands there twice"

        tallies.broken.clear()
        await retry_now(desk)

        async def none_waits() -> bool:
            return not await _parked(desk)

        await until(none_waits)
    assert await picture(desk, tallies) == expected(records)


async def test_what_the_live_one_could_not_take_in_and_the_new_one_can_is_done_with(
    desk: Desk, place: Place, tallies: Tallies
) -> None:
    tallies.broken.add((INTAKE, "case-1", 3))
    records = story(5)
    async with listening(desk, place.bus, tallies):
        await place.bus.publish(records)
        await until_heard(place.bus)
        assert await _parked(desk)
        tallies.broken.clear()
        await rebuild(desk, place.bus, tallies)

        assert await _parked(desk) == []
        assert await picture(desk, tallies) == expected(records)


async def test_what_is_parked_and_was_not_read_here_yet_goes_along(desk: Desk, tallies: Tallies) -> None:
    """The live consumer's offsets are behind it: nobody would read it again."""
    live = tallies.projection
    tallies.broken.add((INTAKE, "case", 3))
    records = [_received(said("case", version), version) for version in range(1, 6)]
    number = await desk.write(partial(begin, projection=live))
    await take(desk, live.at, read(records[:4]))
    ours = live.generation(number)
    await take(desk, lambda _: ours, read(records[:2]))
    assert await desk.write(lambda work: swap(work.session, live, number))
    assert await _parked(desk) == [(ours.name, "case")] * 2
    assert await take(desk, live.at, read(records[2:])) == 0

    tallies.broken.clear()
    await retry_now(desk)
    await desk.write(lambda work: retry_key(work, live.at(work.session), "case"))
    assert await _parked(desk) == []
    assert await picture(desk, tallies) == {(INTAKE, "case"): 15}


async def test_what_was_discarded_holds_the_new_one_up_until_it_is_discarded_there(
    desk: Desk, place: Place, tallies: Tallies
) -> None:
    tallies.broken.add((INTAKE, "case-1", 3))
    records = [said("case-1", version) for version in range(1, 6)]
    operator = Cause(
        caller=Caller("operator", "pulang", frozenset(), frozenset(), frozenset(), datetime.now(UTC), "token")
    )
    async with listening(desk, place.bus, tallies):
        await place.bus.publish(records)
        await until_heard(place.bus)
        await desk.write(lambda work: discard(work, "case-1", "obsolete", now=True), operator)

        async def none_waits() -> bool:
            return not await _parked(desk)

        await until(none_waits)
        assert await picture(desk, tallies) == {(INTAKE, "case-1"): 1 + 2 + 4 + 5}
        building = asyncio.create_task(rebuild(desk, place.bus, tallies))

        async def is_parked() -> bool:
            return (await told(desk, tallies))["parked"] == 3

        await until(is_parked)
        assert await picture(desk, tallies) == {(INTAKE, "case-1"): 1 + 2 + 4 + 5}
        await desk.write(
            lambda work: discard(work, "case-1", "obsolete", consumer=f"{NAME}.1", now=True),
            operator,
        )
        await time_passes(desk)
        assert await building == 1

    assert await picture(desk, tallies) == {(INTAKE, "case-1"): 1 + 2 + 4 + 5}


async def test_an_outage_is_waited_for(desk: Desk, place: Place, tallies: Tallies) -> None:
    records = story(1)
    await place.bus.publish(records)
    failures = 0

    class Fails(Tallies):
        def fold(self, work: Work, events: Sequence[Event], generation: int) -> None:
            nonlocal failures
            super().fold(work, events, generation)
            if generation and failures < 3:
                failures += 1
                raise DatabaseUnavailable("disk full")

    broken = Fails()
    async with listening(desk, place.bus, broken):
        await until_heard(place.bus)
        await rebuild(desk, place.bus, broken)

    assert failures == 3
    assert await picture(desk, broken) == expected(records)


def _received(record: Record, offset: int) -> Received:
    place = TopicPartition(record.topic, 0)
    return Received(*place, offset, record.key, record.value, record.timestamp_ms, record.headers)


async def _parked(desk: Desk) -> list[tuple[str, str]]:
    return await desk.read(
        lambda session: [
            (row.consumer, row.key)
            for row in session.execute(select(PARKED.c.consumer, PARKED.c.key).order_by(PARKED.c.position))
        ]
    )
