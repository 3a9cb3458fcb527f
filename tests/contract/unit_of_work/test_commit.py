"""An answer comes after its commit, to those who still wait for it."""

import asyncio
import sys
import threading
from asyncio.subprocess import PIPE
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared.database import Database, DatabaseUnavailable
from tests.contract.unit_of_work.backends import Backend, Feature
from tests.contract.unit_of_work.tables import Counter, how_many, names, note

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 30
PROGRAM = "tests.contract.unit_of_work.processes"


async def test_what_was_answered_can_be_read(database: Database) -> None:
    for n in range(20):
        await database.write(partial(note, name=str(n)))
        assert await database.read(how_many) == n + 1


async def test_many_units_at_once_lose_no_update(database: Database) -> None:
    await database.write(lambda session: session.execute(insert(Counter).values(name="all", count=0)))

    def count_up(session: Session) -> int:
        counter = session.scalars(select(Counter).where(Counter.name == "all").with_for_update()).one()
        counter.count += 1
        return counter.count

    counts = await asyncio.gather(*(database.write(count_up) for _ in range(400)))

    assert sorted(counts) == list(range(1, 401))
    assert await database.read(lambda session: session.get_one(Counter, "all").count) == 400


async def test_a_killed_process_keeps_what_it_answered(backend: Backend) -> None:
    backend.require(Feature.OTHER_PROCESS)
    answered: list[str] = []
    for lines_before_the_kill in (1, 393):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", PROGRAM, "write", backend.address, stdout=PIPE, cwd=ROOT
        )
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            lines = [await process.stdout.readline() for _ in range(lines_before_the_kill)]
            process.kill()
            lines += (await process.stdout.read()).splitlines(keepends=True)
            await process.wait()
        answered += [line.decode().strip() for line in lines if line.endswith(b"\n")]

    database = await backend.open()
    stored = await database.read(names)

    assert len(answered) >= 394
    assert set(answered) <= set(stored)
    assert len(stored) == len(set(stored))


async def test_a_full_disk_harms_only_what_does_not_fit(backend: Backend) -> None:
    backend.require(Feature.LOCAL_DISK)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", PROGRAM, "fill", backend.address, stdout=PIPE, cwd=ROOT
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, _ = await process.communicate()
    said = dict(line.split() for line in out.decode().splitlines())

    assert process.returncode == 0
    assert said == {"answered": "20", "refused": "True", "readable": "20", "well": "True", "stored": "21"}


async def test_a_locked_database_can_be_read_and_comes_back(database: Database, backend: Backend) -> None:
    backend.require(Feature.LOCKABLE)
    with backend.locked():
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(DatabaseUnavailable):
                await database.write(partial(note, name="while locked"))
        assert await database.read(how_many) == 0
        assert await database.study(how_many) == 0

    await database.write(partial(note, name="afterwards"))
    assert await database.read(names) == ["afterwards"]


async def test_a_study_sees_one_snapshot_and_holds_up_nobody(database: Database, backend: Backend) -> None:
    backend.require(Feature.THREADED_STUDY)
    reading, written = threading.Event(), threading.Event()

    def look_twice(session: Session) -> tuple[list[str], list[str]]:
        first = names(session)
        reading.set()
        assert written.wait(PATIENCE_SECONDS)
        return first, names(session)

    await database.write(partial(note, name="before"))
    looking = asyncio.create_task(database.study(look_twice))
    await asyncio.to_thread(reading.wait, PATIENCE_SECONDS)
    await database.write(partial(note, name="meanwhile"))
    assert await database.read(names) == ["before", "meanwhile"]
    written.set()

    assert await looking == (["before"], ["before"])


async def test_callers_that_give_up_harm_nobody(database: Database) -> None:
    tasks = [asyncio.create_task(database.write(partial(note, name=f"{n}"))) for n in range(60)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    async with asyncio.timeout(PATIENCE_SECONDS):
        answers = await asyncio.gather(*tasks, return_exceptions=True)

    waited = [answer for n, answer in enumerate(answers) if n % 3]
    assert waited == [f"{n}" for n in range(60) if n % 3]
    assert set(waited) <= set(await database.read(names))
    await database.write(partial(note, name="and on"))


async def test_stopping_finishes_what_was_taken_and_takes_no_more(database: Database, backend: Backend) -> None:
    taken = [asyncio.create_task(database.write(partial(note, name=f"{n}"))) for n in range(100)]
    await asyncio.sleep(0)
    stopping = asyncio.create_task(database.stop())
    await asyncio.sleep(0)
    with pytest.raises(DatabaseUnavailable):
        await database.write(partial(note, name="too late"))
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await asyncio.gather(*taken) == [f"{n}" for n in range(100)]
        await stopping
    with pytest.raises(DatabaseUnavailable):
        await database.read(how_many)
    assert await database.healthy() is not None

    again = await backend.open()
    assert sorted(await again.read(names)) == sorted(f"{n}" for n in range(100))
