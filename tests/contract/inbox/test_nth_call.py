"""Whichever call of a reaction fails, the state comes out the same."""

from shared.work import Desk
from tests.contract.inbox.hearing import (
    AID,
    INTAKE,
    Broken,
    Reaction,
    by_stream,
    effects,
    hear,
    listening,
    marks,
    retry_now,
    said,
    until_nothing_is_parked,
)
from tests.contract.outbox.places import Place, log_of

STORY = [said(case, version, source) for version in (1, 2, 3) for case in ("a", "b") for source in (INTAKE, AID)]
HEARD = {(source, case): [1, 2, 3] for case in ("a", "b") for source in (INTAKE, AID)}


async def _recover(desk: Desk, place: Place, reaction: Reaction) -> None:
    async with listening(desk, place.bus, reaction):
        await retry_now(desk)
        await until_nothing_is_parked(desk, reaction)


async def test_each_call_failing_once(desk: Desk, place: Place) -> None:
    await place.bus.publish(STORY)
    number, reached = 0, True
    while reached:
        number += 1
        reaction = Reaction(f"notes.{number}")
        reaction.fails_at = {number, number + len(STORY)}
        await hear(desk, place, reaction)
        await _recover(desk, place, reaction)
        reached = reaction.calls >= number

        assert by_stream(await effects(desk, reaction)) == HEARD, number
        assert await marks(desk, reaction) == dict.fromkeys(HEARD, 3), number
    assert number > len(STORY)
    assert len(await log_of(desk)) == number * len(STORY)


async def test_each_event_failing_until_it_is_mended(desk: Desk, place: Place) -> None:
    await place.bus.publish(STORY)
    for number, (source, case, version) in enumerate((s, c, v) for (s, c), vs in HEARD.items() for v in vs):
        reaction = Reaction(f"notes.{number}")
        reaction.broken[(source, case, version)] = Broken()
        await hear(desk, place, reaction)
        found = by_stream(await effects(desk, reaction))
        assert found.get((source, case), []) == list(range(1, version)), number
        assert all(found[(s, c)] == [1, 2, 3] for s, c in HEARD if c != case), number
        reaction.broken.clear()
        await _recover(desk, place, reaction)

        assert by_stream(await effects(desk, reaction)) == HEARD, number
