"""A unit of work is written whole or not at all, and its neighbours in the same commit feel nothing of it."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.database import Database, DatabaseUnavailable
from tests.contract.unit_of_work.backends import Backend, Feature
from tests.contract.unit_of_work.tables import Note, Reply, how_many, names, note


class Refused(Exception):
    """A rule says no."""


def refuse(session: Session) -> None:
    note(session, "of the one that failed")
    raise Refused


def refuse_after_a_flush(session: Session) -> None:
    session.add(Note(name="of the one that failed"))
    session.flush()
    raise Refused


def write_twice(session: Session) -> None:
    note(session, "of the one that failed")
    note(session, "first")


def flush_twice(session: Session) -> None:
    note(session, "of the one that failed")
    session.add(Note(name="first"))
    session.flush()


def leave_to_the_last_flush(session: Session) -> None:
    note(session, "of the one that failed")
    session.add(Note(name="first"))


def flush_twice_in_a_savepoint(session: Session) -> None:
    note(session, "of the one that failed")
    with session.begin_nested():
        session.add(Note(name="first"))


def run_out_of_things(session: Session) -> None:
    note(session, "of the one that failed")
    next(iter(()))


def be_cancelled(session: Session) -> None:
    note(session, "of the one that failed")
    raise asyncio.CancelledError


FAILURES: dict[Callable[[Session], None], type[BaseException]] = {
    refuse: Refused,
    refuse_after_a_flush: Refused,
    write_twice: IntegrityError,
    flush_twice: IntegrityError,
    leave_to_the_last_flush: IntegrityError,
    flush_twice_in_a_savepoint: IntegrityError,
    run_out_of_things: RuntimeError,
    be_cancelled: asyncio.CancelledError,
}


@pytest.mark.parametrize(("fail", "error"), FAILURES.items(), ids=lambda one: getattr(one, "__name__", ""))
async def test_a_unit_that_raises_leaves_nothing_and_its_neighbours_stay(
    database: Database, fail: Callable[[Session], None], error: type[BaseException]
) -> None:
    await database.write(partial(note, name="first"))
    units: list[Callable[[Session], object]] = [partial(note, name=f"neighbour {n}") for n in range(30)]
    for place in (0, 7, 8, 25):
        units.insert(place, fail)

    async with asyncio.timeout(30):
        answers = await asyncio.gather(*(database.write(unit) for unit in units), return_exceptions=True)

    assert [type(answer) for answer in answers if not isinstance(answer, str)] == [error] * 4
    assert [answer for answer in answers if isinstance(answer, str)] == [f"neighbour {n}" for n in range(30)]
    assert sorted(await database.read(names)) == sorted(["first", *(f"neighbour {n}" for n in range(30))])


async def test_a_failure_inside_a_savepoint_can_be_got_over(database: Database) -> None:
    await database.write(partial(note, name="first"))

    def get_over_it(session: Session) -> str:
        note(session, "before")
        for failing in (flush_twice_in_a_savepoint, write_twice):
            with pytest.raises(IntegrityError), session.begin_nested():
                failing(session)
        return note(session, "after")

    assert await database.write(get_over_it) == "after"
    assert await database.read(names) == ["first", "before", "after"]


async def test_a_commit_that_fails_harms_the_culprit_alone(database: Database) -> None:
    def refer_to_nothing(session: Session) -> None:
        session.execute(insert(Reply).values(note="nobody wrote this"))

    sessions: list[Session] = []

    def keep_the_session(session: Session) -> str:
        assert not session.new
        assert not session.identity_map.values()
        assert all(session is not one for one in sessions)
        sessions.append(session)
        session.add(Note(name=f"orm {len(sessions)}"))
        return "kept"

    units: list[Callable[[Session], object]] = [partial(note, name=f"neighbour {n}") for n in range(30)]
    units.insert(11, refer_to_nothing)
    units.insert(5, keep_the_session)

    answers = await asyncio.gather(*(database.write(unit) for unit in units), return_exceptions=True)

    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(one) for one in failed] == [IntegrityError]
    assert isinstance(answers[12], IntegrityError)
    assert sorted(await database.read(names)) == sorted(
        [f"orm {len(sessions)}", *(f"neighbour {n}" for n in range(30))]
    )


async def test_a_unit_does_not_outlive_its_transaction(database: Database, backend: Backend) -> None:
    backend.require(Feature.LOSES_TRANSACTIONS)

    def go_on_regardless(session: Session) -> None:
        note(session, "before")
        session.connection().exec_driver_sql("ROLLBACK")  # as SQLite does by itself where the disk is full
        for _ in range(2):
            with contextlib.suppress(Exception), session.begin_nested():
                note(session, "after")

    units: list[Callable[[Session], object]] = [partial(note, name=f"neighbour {n}") for n in range(10)]
    units.insert(5, go_on_regardless)
    answers = await asyncio.gather(*(database.write(unit) for unit in units), return_exceptions=True)

    assert isinstance(answers[5], DatabaseUnavailable)
    assert sorted(await database.read(names)) == sorted(f"neighbour {n}" for n in range(10))


async def test_an_error_tells_nothing_of_what_was_written(database: Database) -> None:
    def write_a_name(session: Session) -> None:
        session.add_all([Note(name="Contoh Nama"), Note(name="Contoh Nama")])

    with pytest.raises(IntegrityError) as refused:
        await database.write(write_a_name)

    assert "Contoh" not in str(refused.value)


async def test_a_read_writes_nothing(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.read(partial(note, name="by a reader"))
    with pytest.raises(DatabaseUnavailable):
        await database.glance(partial(note, name="at a glance"))
    with pytest.raises(DatabaseUnavailable):
        await database.study(partial(note, name="by a student"))

    assert await database.read(how_many) == 0
