"""How partitions move between the members of a group."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.bus.protocol import Bus, BusUnavailable, Received, Record, Subscription, Topic, TopicPartition
from tests.contract.bus.backends import Backend, Feature
from tests.contract.bus.reading import PATIENCE_SECONDS, commit, read, record, values


class Worker:
    """A member as services run it: a batch at a time, committed within the batch, `revoking` waits for its end."""

    def __init__(self, bus: Bus, group: str, topic: str, process: Callable[["Worker", Received], None]) -> None:
        self.subscription: Subscription = bus.subscribe(group, [topic], self._revoking)
        self._in_batch = asyncio.Lock()
        self._process = process
        self.task = asyncio.create_task(self._run())

    async def _revoking(self) -> None:
        async with self._in_batch:
            pass

    async def _run(self) -> None:
        await self.subscription.start()
        try:
            while True:
                batch = await self.subscription.getmany(7, PATIENCE_SECONDS)
                async with self._in_batch:
                    for one in batch:
                        self._process(self, one)
                        await asyncio.sleep(0)
                    await commit(self.subscription, batch)
        except BusUnavailable:
            pass

    async def leave(self) -> None:
        await self.subscription.stop()
        await self.task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it is the workers that change it
            await asyncio.sleep(0.002)


async def test_members_of_a_group_share_the_partitions(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic, partitions=6)])
    processed: list[tuple[Worker, Received]] = []
    workers = [Worker(bus, group, topic, lambda who, one: processed.append((who, one))) for _ in range(3)]
    published: list[Record] = []
    shares: list[int] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        while shares != [2, 2, 2]:
            published.extend(record(topic, f"case-{n}", "x") for n in range(60))
            await bus.publish(published[-60:])
            await until(lambda: len(processed) >= len(published))
            held = {(who, one.place) for who, one in processed[-60:]}
            shares = [sum(who is worker for who, _ in held) for worker in workers]

    assert max(Counter((one.place, one.offset) for _, one in processed).values()) == 1
    await asyncio.gather(*(worker.leave() for worker in workers))


async def test_a_partition_moves_only_when_the_batch_of_its_holder_is_over(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic)])
    asked, batch_over = asyncio.Event(), asyncio.Event()

    async def revoking() -> None:
        asked.set()
        await batch_over.wait()

    old = bus.subscribe(group, [topic], revoking)
    await old.start()
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(80)])
    in_hand = await read(old, 80)
    assert len({one.place for one in in_hand}) == 4

    new = bus.subscribe(group, [topic])
    await new.start()
    waiting = asyncio.create_task(new.getmany(100, PATIENCE_SECONDS))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asked.wait()
    await bus.publish([record(topic, f"case-{n}", f"later {n}") for n in range(80)])
    await asyncio.wait([waiting], timeout=0.2)
    assert not waiting.done(), "the new member was given records while the old one was inside its batch"
    of_what_it_keeps = await old.getmany(100, 0.1) + await old.getmany(100, 0.1)

    await commit(old, in_hand)
    batch_over.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        received = await waiting
    assert all(value.startswith("later") for value in values(received)), "the old member's commit was not seen"
    assert {one.place for one in received}.isdisjoint({one.place for one in of_what_it_keeps})


async def test_a_paused_partition_gives_its_holder_nothing_more(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic, partitions=1)])
    asked, batch_over = asyncio.Event(), asyncio.Event()

    async def revoking() -> None:
        asked.set()
        await batch_over.wait()

    old = bus.subscribe(group, [topic], revoking)
    await old.start()
    await bus.publish([record(topic, "case", "1")])
    in_hand = await read(old, 1)
    new = bus.subscribe(group, [topic])
    await new.start()
    leaving = asyncio.create_task(old.stop())
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asked.wait()
    await bus.publish([record(topic, "case", "2")])
    assert await new.getmany(10, 0.1) == []
    await commit(old, in_hand)
    batch_over.set()
    await leaving

    assert values(await read(new, 1)) == ["2"]


async def test_who_leaves_hands_everything_to_who_stays(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic)])
    processed: list[tuple[Worker, Received]] = []
    leaver = Worker(bus, group, topic, lambda who, one: processed.append((who, one)))
    stayer = Worker(bus, group, topic, lambda who, one: processed.append((who, one)))
    for n in range(20):
        await bus.publish([record(topic, f"case-{m}", str(n)) for m in range(40)])
    await leaver.leave()
    await bus.publish([record(topic, f"case-{m}", "20") for m in range(40)])
    await until(lambda: len(processed) >= 21 * 40)

    assert {who for who, _ in processed[-40:]} == {stayer}
    assert max(Counter((one.place, one.offset) for _, one in processed).values()) == 1
    await stayer.leave()


async def test_a_commit_after_the_loss_is_not_written(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic)])
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(80)])
    old = bus.subscribe(group, [topic])
    await old.start()
    stale = await read(old, 80)
    new = bus.subscribe(group, [topic])
    await new.start()
    taken_over = await read(new, 1)
    lost = taken_over[0].place
    end = max(one.offset for one in stale if one.place == lost) + 1
    await new.commit({lost: end})
    before = await bus.lag(group, [topic])

    await commit_refused(old, {lost: 1})

    assert await bus.lag(group, [topic]) == before
    await old.stop()
    await commit_refused(old, {one.place: one.offset + 1 for one in stale})
    assert await bus.lag(group, [topic]) == before


async def commit_refused(member: Subscription, positions: dict[TopicPartition, int]) -> None:
    """The protocol says that it is not written, not whether that is an error: only BusUnavailable may be one."""
    with contextlib.suppress(BusUnavailable):
        await member.commit(positions)


async def test_a_failing_revoking_does_not_stop_the_group(bus: Bus, bus_backend: Backend) -> None:
    topic, group = bus_backend.name("lifecycle"), bus_backend.name("shelter")
    await bus.declare([Topic(topic)])

    async def revoking() -> None:
        raise RuntimeError("a bug in a service")

    old = bus.subscribe(group, [topic], revoking)
    await old.start()
    await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(80)])
    await read(old, 80)
    new = bus.subscribe(group, [topic])
    await new.start()
    await old.stop()

    assert len(await read(new, 80)) >= 80


comings_and_goings = st.lists(st.tuples(st.booleans(), st.integers(0, 25)), min_size=1, max_size=14)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=comings_and_goings)
async def test_however_members_come_and_go_each_record_is_processed_once_in_order(
    bus: Bus, bus_backend: Backend, moves: list[tuple[bool, int]]
) -> None:
    bus_backend.require(Feature.FAST_REBALANCE)
    topic = bus_backend.name("lifecycle")
    group = bus_backend.name(f"shelter.{uuid4().hex}")
    await bus.declare([Topic(topic, partitions=5)])
    total = 300
    if await bus.lag(group, [topic]) == 0:
        await bus.publish([record(topic, f"case-{n}", str(n)) for n in range(total)])
    processed: dict[TopicPartition, list[int]] = {}

    def process(_: Worker, one: Received) -> None:
        processed.setdefault(one.place, []).append(one.offset)

    workers = [Worker(bus, group, topic, process)]
    leaving: list[asyncio.Task[None]] = []
    for joins, turns in moves:
        if joins or not workers:
            workers.append(Worker(bus, group, topic, process))
        else:
            leaving.append(asyncio.create_task(workers.pop(0).leave()))
        for _ in range(turns):
            await asyncio.sleep(0)
    workers.append(Worker(bus, group, topic, process))
    await until(lambda: sum(map(len, processed.values())) >= total)
    await asyncio.gather(*leaving, *(worker.leave() for worker in workers))

    assert sum(map(len, processed.values())) == total
    for offsets in processed.values():
        assert offsets == list(range(len(offsets)))
    assert await bus.lag(group, [topic]) == 0
