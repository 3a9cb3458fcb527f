"""What only PostgreSQL has: writers side by side, and work that runs again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Table, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.util import await_only

from shared.bus.protocol import Received
from shared.consuming.dead_letters import parked
from shared.consuming.inbox import Consumer, read, take, take_in
from shared.database import Database
from shared.database.postgres import PostgresDatabase
from shared.database.prepared import Prepared
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE
from shared.http.idempotency import Answer, Once
from shared.outbox.lease import Lease
from shared.outbox.record import Told, record
from shared.outbox.relay import Relay, backlog
from shared.outbox.table import EVENTS
from shared.times import utc_now
from shared.work import Work
from tests.contract.bus.backends import Embedded
from tests.contract.inbox.hearing import Reaction, by_stream, effects, marks, said, waiting
from tests.contract.outbox.places import Noted, Place, first_appearances, tell, until, versions
from tests.contract.unit_of_work.backends import Postgres
from tests.contract.unit_of_work.tables import Counter, Note, how_many, names, note
from tests.contract.unit_of_work.test_postgres_errors import RAISE

PATIENCE_SECONDS = 30


def wait(for_it: Callable[[], Awaitable[object]]) -> None:
    """Inside a unit of work: its transaction stays open meanwhile."""
    await_only(asyncio.wait_for(for_it(), PATIENCE_SECONDS))


@pytest.fixture
async def backend(tmp_path: Path) -> AsyncIterator[Postgres]:
    one = Postgres(tmp_path)
    yield one
    await one.close()


@pytest.fixture
async def database(backend: Postgres) -> PostgresDatabase:
    one = await backend.open()
    assert isinstance(one, PostgresDatabase)
    return one


class Unit:
    """Work that counts its runs, and at the first meets another's."""

    def __init__(self, meeting: asyncio.Barrier | None = None) -> None:
        self.runs = 0
        self._meeting = meeting

    def begin(self) -> None:
        self.runs += 1

    def meet(self) -> None:
        if self._meeting is not None and self.runs == 1:
            wait(self._meeting.wait)

    def register(self, session: Session, name: str) -> int:
        """As a command does it: what is there is answered from, and else written."""
        self.begin()
        known = session.scalars(select(Note.id).where(Note.name == name)).one_or_none()
        self.meet()
        if known is None:
            known = session.scalars(insert(Note).values(name=name).returning(Note.id)).one()
        return known

    def count_both(self, session: Session, first: str, second: str) -> None:
        self.begin()
        count_up(session, first)
        self.meet()
        count_up(session, second)


def count_up(session: Session, name: str) -> None:
    session.execute(update(Counter).where(Counter.name == name).values(count=Counter.count + 1))


async def two_counters(database: Database) -> None:
    zeros = insert(Counter).values([{"name": "a", "count": 0}, {"name": "b", "count": 0}])
    await database.write(lambda session: session.execute(zeros))


async def counts(database: Database) -> list[int]:
    return await database.read(lambda session: list(session.scalars(select(Counter.count).order_by(Counter.name))))


async def test_the_same_id_at_once_is_written_once_and_answered_alike(
    database: PostgresDatabase, backend: Postgres
) -> None:
    meeting = asyncio.Barrier(2)
    here, there = Unit(meeting), Unit(meeting)
    other = await backend.open()

    answers = await asyncio.gather(
        database.write(partial(here.register, name="one")), other.write(partial(there.register, name="one"))
    )

    assert answers[0] == answers[1]
    assert here.runs + there.runs == 3
    assert await database.read(names) == ["one"]


async def test_what_stands_in_the_way_for_good_is_told_after_the_second_run(database: PostgresDatabase) -> None:
    await database.write(partial(note, name="one"))
    unit = Unit()

    def write_regardless(session: Session) -> None:
        unit.begin()
        note(session, "one")

    with pytest.raises(IntegrityError):
        await database.write(write_regardless)
    assert unit.runs == 2


async def test_a_deadlock_is_run_again(database: PostgresDatabase, backend: Postgres) -> None:
    await two_counters(database)
    meeting = asyncio.Barrier(2)
    here, there = Unit(meeting), Unit(meeting)
    other = await backend.open()

    await asyncio.gather(
        database.write(partial(here.count_both, first="a", second="b")),
        other.write(partial(there.count_both, first="b", second="a")),
    )

    assert here.runs + there.runs == 3
    assert await counts(database) == [2, 2]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    one = Place(tmp_path, Postgres, Embedded)
    await one.open()
    yield one
    await one.close()


async def test_one_idempotency_key_at_once_is_one_command_and_one_answer(place: Place) -> None:
    """The second waits for the first one's commit, and then sees what it stored."""
    desks = await place.desk(), await place.desk()
    once = Once("somebody", "POST /notes", "key", b"the same body")
    meeting = asyncio.Barrier(2)
    units = Unit(meeting), Unit(meeting)

    def command(work: Work, unit: Unit) -> Answer:
        unit.begin()
        how_many(work.session)
        unit.meet()
        if (stored := once.begin(work)) is not None:
            return stored
        answer = Answer(201, note(work.session, "one").encode())
        once.end(work, answer)
        return answer

    answers = await asyncio.gather(
        *(desk.write(partial(command, unit=unit)) for desk, unit in zip(desks, units, strict=True))
    )

    assert [(one.status, one.body) for one in answers] == [(201, b"one")] * 2
    assert sorted(one.replayed for one in answers) == [False, True]


async def test_a_reaction_in_a_deadlock_is_run_again_and_parks_nothing(place: Place) -> None:
    """Taking the batch apart would not help: what others wait for is held outside of the attempt."""
    desk = await place.desk()
    unit = Unit()
    message = said("case", 1)
    batch = [Received(LIFECYCLE, 0, 0, message.key, message.value, message.timestamp_ms)]

    def be_a_victim_twice(work: Work, events: object) -> None:
        unit.begin()
        if unit.runs < 3:
            work.session.execute(text(RAISE.format("40P01")))

    consumer = Consumer("notes.victim", (LIFECYCLE,), be_a_victim_twice)

    assert await desk.write(partial(take_in, consumer=consumer, events=read(batch))) == 1
    assert await desk.read(parked) == []


async def test_what_commits_late_is_published_and_in_its_streams_order(place: Place) -> None:
    """Positions are given when a row is written: those that commit later may stand before those on the bus already."""
    desk = await place.desk()
    relay = Relay(desk, place.bus, Lease(desk.database, "relay", alone=True))
    written, go_on = asyncio.Event(), asyncio.Event()

    def slowly(session: Session) -> None:
        now = utc_now()
        record(session, "/pulang/notes", [Told("slow", Noted(text="a"), now)], now, desk.secrets.chain)
        written.set()
        wait(go_on.wait)

    late = asyncio.create_task(desk.database.write(slowly))
    await asyncio.wait_for(written.wait(), PATIENCE_SECONDS)
    behind = asyncio.create_task(tell(desk, "slow", "b"))
    await tell(desk, "quick", "c")
    await relay.start()
    assert [one.key for one in await place.on_the_bus(1)] == ["quick"]
    await until(partial(_all_published, desk.database))
    assert not behind.done()
    go_on.set()
    await asyncio.gather(late, behind)

    received = await place.on_the_bus(3)
    in_log = select(EVENTS.c.subject).order_by(EVENTS.c.position)
    assert await desk.read(lambda session: list(session.scalars(in_log))) == ["slow", "quick", "slow"]
    assert versions(first_appearances(received)) == {"quick": [1], "slow": [1, 2]}
    await relay.stop()


async def _all_published(database: Database) -> bool:
    return await database.read(backlog) == 0


async def test_a_read_and_a_study_see_one_snapshot(database: PostgresDatabase) -> None:
    await database.write(partial(note, name="before"))
    for ask in (database.read, database.study):
        looked, written = asyncio.Event(), asyncio.Event()

        def look_twice(session: Session, looked: asyncio.Event = looked, written: asyncio.Event = written) -> int:
            first = how_many(session)
            looked.set()
            wait(written.wait)
            return how_many(session) - first

        looking = asyncio.create_task(ask(look_twice))
        await asyncio.wait_for(looked.wait(), PATIENCE_SECONDS)
        await database.write(partial(note, name=ask.__name__))
        written.set()
        assert await looking == 0


@pytest.mark.parametrize("kind", ["write", "read", "study"])
async def test_a_caller_that_gives_up_leaves_nothing_open(database: PostgresDatabase, kind: str) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    def halfway(session: Session) -> None:
        if kind == "write":
            note(session, "one half")
        how_many(session)
        begun.set()
        wait(go_on.wait)
        if kind == "write":
            note(session, "the other half")

    caller = asyncio.create_task(getattr(database, kind)(halfway))
    await asyncio.wait_for(begun.wait(), PATIENCE_SECONDS)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await until(partial(_nothing_open, database))

    assert await database.read(names) == (["one half", "the other half"] if kind == "write" else [])


async def _nothing_open(database: Database) -> bool:
    others = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE usename = CURRENT_USER AND state <> 'idle' AND pid <> pg_backend_pid()"
    )
    return await database.read(lambda session: int(session.execute(others).scalar_one())) == 0


@pytest.mark.parametrize("known", [False, True])
async def test_two_replicas_that_take_the_same_batch_have_one_effect(place: Place, known: bool) -> None:
    """As where a partition goes to another member while the one before is still at work."""
    desks = await place.desk(), await place.desk()
    reaction = Reaction()
    messages = [said(f"case-{number}", version) for version in (1, 2, 3) for number in range(12)]
    batch = read([Received(LIFECYCLE, 0, at, one.key, one.value, 0) for at, one in enumerate(messages)])

    def slowly(work: Work, events: Sequence[Event]) -> None:
        reaction.apply(work, events)
        await_only(asyncio.sleep(0.3))

    if known:
        await take(desks[0], reaction.consumer.at, batch[:12])
    consumer = replace(reaction.consumer, apply=slowly)
    taken = await asyncio.gather(*(take(desk, consumer.at, batch) for desk in desks))

    assert sorted(taken) == [0, 24 if known else 36]
    assert by_stream(await effects(desks[0], reaction)) == {
        ("/pulang/intake", f"case-{number}"): [1, 2, 3] for number in range(12)
    }
    assert await marks(desks[0], reaction) == {("/pulang/intake", f"case-{number}"): 3 for number in range(12)}
    assert await waiting(desks[0], reaction) == []


@pytest.mark.parametrize("rows", [1, 20])
async def test_a_text_that_is_too_long_is_refused_and_not_cut(database: PostgresDatabase, rows: int) -> None:
    notes = Note.__table__
    assert isinstance(notes, Table)
    new = Prepared(insert(notes))
    with pytest.raises(DBAPIError):
        await database.write(lambda session: new.write(session, [{"name": f"{n}" * 81} for n in range(rows)]))

    assert await database.read(names) == []
