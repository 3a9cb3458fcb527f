"""However often a message comes, it takes effect once, and offsets are never ahead of the state."""

import asyncio
import itertools
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from shared.bus.protocol import BusUnavailable, TopicPartition
from shared.consuming import inbox
from shared.consuming import loop as loop_module
from shared.database.protocol import DatabaseUnavailable
from shared.outbox.relay import recorded
from shared.work import Desk
from tests.contract.bus.backends import Feature as BusFeature
from tests.contract.inbox.hearing import (
    AID,
    INTAKE,
    Reaction,
    Watched,
    at_work,
    by_stream,
    effects,
    hear,
    listening,
    marks,
    said,
    until_heard,
    waiting,
)
from tests.contract.outbox.places import PAIRS, PATIENCE_SECONDS, Place, log_of
from tests.contract.unit_of_work.backends import Feature

ROOT = Path(__file__).parents[3]
CASES = [f"case-{n}" for n in range(5)]
STORY = [said(case, version, source) for version in range(1, 9) for case in CASES for source in (INTAKE, AID)]
ALL_HEARD = {(source, case): list(range(1, 9)) for case in CASES for source in (INTAKE, AID)}


async def test_every_message_twice_has_one_effect(desk: Desk, place: Place) -> None:
    reaction = Reaction()

    await hear(desk, place, reaction, *STORY[:40], *STORY[:40], *STORY[30:])
    await hear(desk, place, reaction, *STORY)

    assert by_stream(await effects(desk, reaction)) == ALL_HEARD
    assert await marks(desk, reaction) == dict.fromkeys(ALL_HEARD, 8)
    assert await waiting(desk, reaction) == []


async def test_an_effect_does_not_stand_without_its_mark(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database goes after the effects were written, and before the marks are."""
    reaction, put, failed = Reaction(), inbox._put_marks, False

    def put_later(*words: Any) -> None:
        nonlocal failed
        if not failed:
            failed = True
            raise DatabaseUnavailable("gone")
        put(*words)

    monkeypatch.setattr(inbox, "_put_marks", put_later)
    await hear(desk, place, reaction, *STORY)

    assert failed
    assert sorted(await effects(desk, reaction)) == sorted(
        (source, case, version) for (source, case), versions in ALL_HEARD.items() for version in versions
    )
    assert await marks(desk, reaction) == dict.fromkeys(ALL_HEARD, 8)


async def test_what_a_consumer_ignores_is_passed_with_its_gaps_and_leaves_nothing(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    deaf = replace(reaction.consumer, ignores=AID)

    await place.bus.publish([*STORY, said("case-0", 99, AID), said("case-0", 9, INTAKE), said("only-aid", 1, AID)])
    async with at_work(desk, place.bus, deaf):
        await until_heard(place.bus, reaction)

    heard = {(INTAKE, case): list(range(1, 10 if case == "case-0" else 9)) for case in CASES}
    assert by_stream(await effects(desk, reaction)) == heard
    assert await marks(desk, reaction) == {stream: len(versions) for stream, versions in heard.items()}
    assert await waiting(desk, reaction) == []


async def test_what_a_reaction_tells_is_told_once_and_says_why(desk: Desk, place: Place) -> None:
    await hear(desk, place, Reaction(), *STORY, *STORY)

    told = await log_of(desk)
    heard = [said(case, version, source).value.decode() for case in CASES for version in (1,) for source in (INTAKE,)]
    assert len(told) == len(STORY)
    assert len({event.causationid for event in told}) == len(STORY)
    for message in heard:
        assert sum((event.causationid or "?") in message for event in told) == 1


async def test_offsets_are_never_ahead_of_the_state(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    reaction.broken[(INTAKE, "case-2", 3)] = RuntimeError()
    behind: list[int] = []
    committed: dict[TopicPartition, int] = {}

    async def look(positions: Mapping[TopicPartition, int]) -> None:
        committed.update(positions)
        dealt_with = len(await effects(desk, reaction)) + len(await waiting(desk, reaction))
        behind.append(dealt_with - sum(committed.values()))

    bus = Watched(place.bus, look)
    async with listening(desk, bus, reaction):
        for start in range(0, len(STORY), 10):
            await bus.publish(STORY[start : start + 10])
            await until_heard(bus, reaction)

    assert len(behind) >= 8
    assert set(behind) == {0}


@pytest.mark.parametrize("committed", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", range(1, 6))
async def test_a_write_that_fails_loses_nothing_and_doubles_nothing(
    desk: Desk, place: Place, nth: int, committed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes before a transaction, or after its commit and before its answer: whichever it is, effects and
    marks stand together."""
    write, calls = desk.database.write, itertools.count(1)

    async def fails_once(work: Callable[[Session], Any]) -> Any:
        goes = next(calls) == nth
        if goes and not committed:
            raise DatabaseUnavailable("gone")
        done = await write(work)
        if goes:
            raise DatabaseUnavailable("gone")
        return done

    monkeypatch.setattr(desk.database, "write", fails_once)
    monkeypatch.setattr(loop_module, "BATCH", 10)
    reaction = Reaction()
    await hear(desk, place, reaction, *STORY)

    assert by_stream(await effects(desk, reaction)) == ALL_HEARD
    assert await waiting(desk, reaction) == []


async def test_offsets_that_were_not_committed_bring_repeats_only(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    failures = 0

    async def fail_at_first(positions: Mapping[TopicPartition, int]) -> None:
        nonlocal failures
        failures += 1
        if failures <= 3:
            raise BusUnavailable("the coordinator moves")

    await place.bus.publish(STORY)
    bus = Watched(place.bus, fail_at_first)
    for _ in range(3):
        before = failures
        async with listening(desk, bus, reaction):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while failures == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
    async with listening(desk, bus, reaction):
        await until_heard(bus, reaction)

    assert failures >= 4
    assert by_stream(await effects(desk, reaction)) == ALL_HEARD


async def test_a_process_killed_between_commit_and_offsets_does_nothing_twice(place: Place) -> None:
    place.databases.require(Feature.OTHER_PROCESS)
    place.buses.require(BusFeature.OTHER_PROCESS)
    await place.bus.publish(STORY)
    await place.bus.stop()
    pair = PAIRS.index((type(place.databases), type(place.buses)))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.contract.inbox.processes", str(place.folder), str(pair), stdout=PIPE, cwd=ROOT
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await process.wait() == -9

    await place.open()
    desk, reaction = await place.desk(), Reaction()
    assert len(await effects(desk, reaction)) == len(STORY)
    assert await place.bus.lag(reaction.name, ["pulang.lifecycle"]) == len(STORY)
    await hear(desk, place, reaction)

    assert by_stream(await effects(desk, reaction)) == ALL_HEARD
    assert await desk.read(recorded) == len(STORY)


async def test_two_consumers_of_a_service_have_marks_of_their_own(desk: Desk, place: Place) -> None:
    live, rebuilt = Reaction("notes.timeline"), Reaction("notes.timeline.2")

    await hear(desk, place, live, *STORY)
    await hear(desk, place, rebuilt)

    assert by_stream(await effects(desk, live)) == by_stream(await effects(desk, rebuilt)) == ALL_HEARD


async def test_two_members_of_a_group_have_one_effect(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    async with listening(desk, place.bus, reaction):
        await place.bus.publish(STORY[:30])
        async with listening(desk, place.bus, reaction):
            await place.bus.publish(STORY[30:60])
            await until_heard(place.bus, reaction)
        await place.bus.publish(STORY[60:])
        await until_heard(place.bus, reaction)

    assert by_stream(await effects(desk, reaction)) == ALL_HEARD


@pytest.mark.parametrize("stop_after", [1, 20, 45])
async def test_a_stop_finishes_the_batch_and_waits_for_no_more(
    desk: Desk, place: Place, stop_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "WAIT_SECONDS", 3600.0)
    reaction = Reaction()
    await place.bus.publish(STORY[:stop_after])
    async with asyncio.timeout(PATIENCE_SECONDS), listening(desk, place.bus, reaction):
        await until_heard(place.bus, reaction)
        await place.bus.publish(STORY[stop_after:])

    done = len(await effects(desk, reaction))
    assert await place.bus.lag(reaction.name, ["pulang.lifecycle"]) == len(STORY) - done
    await hear(desk, place, reaction)
    assert by_stream(await effects(desk, reaction)) == ALL_HEARD


async def test_a_database_that_is_gone_parks_nothing(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    reaction.broken[(INTAKE, "case-1", 2)] = DatabaseUnavailable("disk full")
    await place.bus.publish(STORY)
    async with listening(desk, place.bus, reaction):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while reaction.calls < 3 * len(STORY) // 10:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        assert await effects(desk, reaction) == []
        reaction.broken.clear()
        await until_heard(place.bus, reaction)

    assert by_stream(await effects(desk, reaction)) == ALL_HEARD
    assert await waiting(desk, reaction) == []
