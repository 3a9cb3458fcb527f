"""What cannot be taken in is set aside in order; everyone else goes on; nothing of it is lost."""

import orjson
import pytest

from shared.consuming import parking, retry
from shared.consuming.dead_letters import parked
from shared.consuming.parking import RETRY_SECONDS
from shared.events.fact import LIFECYCLE
from shared.work import Desk
from tests.contract.inbox.hearing import (
    AID,
    INTAKE,
    SECRET_TEXT,
    Broken,
    Reaction,
    by_stream,
    effects,
    garbage,
    hear,
    listening,
    marks,
    parked_rows,
    retry_now,
    said,
    time_passes,
    until_heard,
    until_nothing_is_parked,
    waiting,
)
from tests.contract.outbox.places import Place, log_of, until

A, B = "case-a", "case-b"
DEAD_LETTERS = "pulang.dead-letters.notes"


@pytest.fixture
def reaction() -> Reaction:
    """Cannot take in the third event of case A."""
    one = Reaction()
    one.broken[(INTAKE, A, 3)] = Broken()
    return one


async def test_a_failure_parks_its_case_and_no_other(desk: Desk, place: Place, reaction: Reaction) -> None:
    batch = [said(case, version) for version in range(1, 6) for case in (A, B)]

    await hear(desk, place, reaction, *batch, said(A, 1, AID))
    await hear(desk, place, reaction, said(A, 6), said(B, 6), said(A, 2, AID))

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 2], (INTAKE, B): [1, 2, 3, 4, 5, 6]}
    assert await marks(desk, reaction) == {(INTAKE, A): 2, (INTAKE, B): 6}
    assert await waiting(desk, reaction) == [(A, "Broken"), *[(A, "behind another")] * 5]
    assert len(await log_of(desk)) == 8


async def test_the_timer_tries_again_in_order(desk: Desk, place: Place, reaction: Reaction) -> None:
    batch = [said(A, 1), said(A, 2), said(A, 3), said(A, 1, AID), said(A, 4), said(A, 2, AID)]
    await hear(desk, place, reaction, *batch, said(B, 1))
    reaction.broken.clear()

    async with listening(desk, place.bus, reaction):
        await until_nothing_is_parked(desk, reaction)
        await place.bus.publish([said(A, 5)])
        await until_heard(place.bus, reaction)

    of_a = [(source, version) for source, subject, version in await effects(desk, reaction) if subject == A]
    assert of_a == [(INTAKE, 1), (INTAKE, 2), (INTAKE, 3), (AID, 1), (INTAKE, 4), (AID, 2), (INTAKE, 5)]


async def test_after_the_last_try_operators_are_told_once(
    desk: Desk, place: Place, reaction: Reaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (parking, retry):  # the story moves the time, no other may
        monkeypatch.setattr(module, "RETRY_SECONDS", tuple(seconds * 1000 for seconds in RETRY_SECONDS))
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 6)))
    calls, tries = reaction.calls, 0
    waits: list[int] = []
    async with listening(desk, place.bus, reaction):
        while not (rows := await parked_rows(desk, reaction))[0]["dead"]:
            assert rows[0]["attempts"] == tries
            tries += 1
            await time_passes(desk)

            async def tried(expected: int = tries) -> bool:
                return bool((await parked_rows(desk, reaction))[0]["attempts"] == expected)

            await until(tried)
            waits.append(int((await parked_rows(desk, reaction))[0]["retry_at_ms"]))
        assert tries == len(RETRY_SECONDS) == reaction.calls - calls

        async def told() -> bool:
            return all(row["told"] for row in await parked_rows(desk, reaction) if row["dead"])

        await until(told)
        await time_passes(desk)
        await hear(desk, place, Reaction("notes.other"))  # the timer goes round meanwhile
        await place.bus.publish([said(A, 6), said(B, 1)])
        await until_heard(place.bus, reaction)

    assert tries == reaction.calls - calls - 1  # that of case B
    assert waits == sorted(waits)
    (letter,) = await place.on_the_bus(topic=DEAD_LETTERS)
    assert letter.key == A
    assert SECRET_TEXT.encode() not in letter.value
    assert orjson.loads(letter.value)["reason"] == "Broken"
    (entry,) = await desk.read(parked)
    assert (entry["key"], entry["dead"], entry["waiting"]) == (A, True, 4)
    assert SECRET_TEXT not in str(entry)


async def test_a_dead_letter_lives_again_when_asked(desk: Desk, place: Place, reaction: Reaction) -> None:
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 6)))

    async with listening(desk, place.bus, reaction):

        async def dead() -> bool:
            await time_passes(desk)
            return bool((await parked_rows(desk, reaction))[0]["dead"])

        await until(dead)
        reaction.broken.clear()
        await retry_now(desk)
        await until_nothing_is_parked(desk, reaction)

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 2, 3, 4, 5]}


async def test_bytes_that_are_no_event_are_parked_and_told(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    too_long = "x" * 65
    unmarkable = said("case-c", 1, source="/" + "p" * 80)

    await hear(desk, place, reaction, said(A, 1), garbage(A), said(A, 2), said(B, 1), said(too_long, 1), unmarkable)

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1], (INTAKE, B): [1]}
    assert sorted(await waiting(desk, reaction)) == sorted(
        [(A, "undecodable"), (A, "behind another"), (too_long, "undecodable"), ("case-c", "undecodable")]
    )


async def test_a_gap_waits_for_what_is_missing(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    await hear(desk, place, reaction, said(A, 1), said(A, 3), said(A, 4), said(A, 1, AID), said(B, 2), said(B, 1))
    parked_now = await waiting(desk, reaction)
    assert [one for one in parked_now if one[0] == A] == [(A, "gap"), (A, "behind another"), (A, "behind another")]
    assert [one for one in parked_now if one[0] == B] == [(B, "gap"), (B, "behind another")]
    assert (await marks(desk, reaction)) == {(INTAKE, A): 1}

    async with listening(desk, place.bus, reaction):
        await place.bus.publish([said(A, 2)])
        await until_heard(place.bus, reaction)
        await retry_now(desk)
        await until_nothing_is_parked(desk, reaction)

    assert by_stream(await effects(desk, reaction)) == {
        (INTAKE, A): [1, 2, 3, 4],
        (AID, A): [1],
        (INTAKE, B): [1, 2],
    }


async def test_what_is_parked_together_keeps_the_order_in_which_it_came(
    desk: Desk, place: Place, reaction: Reaction
) -> None:
    """What fails is found out last, and still stands before the undecodable that came after it."""
    await hear(desk, place, reaction, said(A, 1), said(A, 2), said(A, 3), garbage(A), said(A, 4))
    assert [reason for _, reason in await waiting(desk, reaction)] == ["Broken", "undecodable", "behind another"]
    reaction.broken.clear()

    async with listening(desk, place.bus, reaction):
        await retry_now(desk)

        async def third() -> bool:
            return (await marks(desk, reaction))[(INTAKE, A)] == 3

        await until(third)

    assert [reason for _, reason in await waiting(desk, reaction)] == ["undecodable", "behind another"]


async def test_a_repeat_of_what_is_parked_takes_no_effect_twice(desk: Desk, place: Place, reaction: Reaction) -> None:
    story = [said(A, version) for version in range(1, 6)]
    await hear(desk, place, reaction, *story)
    await hear(desk, place, reaction, *story)
    reaction.broken.clear()

    async with listening(desk, place.bus, reaction):
        await retry_now(desk)
        await until_nothing_is_parked(desk, reaction)

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 2, 3, 4, 5]}
    assert await place.bus.lag(reaction.name, [LIFECYCLE]) == 0
