"""What operators see of what is parked, and what becomes of it when they give it up; two replicas try no key twice."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from shared.consuming.dead_letters import show
from shared.consuming.discard import NothingParked, SeveralConsumers, StillTried, discard
from shared.consuming.retry import due, retry_key
from shared.security.audit import AUDIT
from shared.security.tokens import Caller
from shared.work import Cause, Desk
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
    said,
    time_passes,
    until_heard,
    until_nothing_is_parked,
    waiting,
)
from tests.contract.outbox.places import Place, until

A = "case-a"
NOBODY = frozenset[str]()
OPERATOR = Cause(
    Caller("rina", "pulang", frozenset({"administrator"}), NOBODY, NOBODY, datetime.max.replace(tzinfo=UTC), "token")
)


@pytest.fixture
def reaction() -> Reaction:
    """Cannot take in the third event of case A."""
    one = Reaction()
    one.broken[(INTAKE, A, 3)] = Broken()
    return one


async def _give_up(desk: Desk, key: str = A, **how: Any) -> int:
    return await desk.write(lambda work: discard(work, key, "obsolete", **how), OPERATOR)


async def _audited(desk: Desk) -> list[tuple[str, str, str, str]]:
    chosen = select(AUDIT.c.actor, AUDIT.c.action, AUDIT.c.subject, AUDIT.c.purpose).order_by(AUDIT.c.position)
    return await desk.read(lambda session: [tuple(row) for row in session.execute(chosen)])


async def test_what_is_parked_is_shown_without_its_payload(desk: Desk, place: Place, reaction: Reaction) -> None:
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 5)), garbage(A), said("case-b", 1))

    shown = await desk.read(partial(show, key=A))

    assert [(one["source"], one["streamversion"], one["reason"]) for one in shown] == [
        (INTAKE, 3, "Broken"),
        (INTAKE, 4, "behind another"),
        (None, None, "undecodable"),
    ]
    assert [one["next_try"] is None for one in shown] == [False, True, True]
    assert SECRET_TEXT not in str(shown)


async def test_the_head_is_given_up_and_the_next_goes_on(desk: Desk, place: Place, reaction: Reaction) -> None:
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 6)))
    (head, *_) = await desk.read(partial(show, key=A))
    assert head["streamversion"] == 3

    assert await _give_up(desk, now=True) == 1
    async with listening(desk, place.bus, reaction):
        await until_nothing_is_parked(desk, reaction)
        await place.bus.publish([said(A, 3), said(A, 6)])  # a repeat of it has no effect either
        await until_heard(place.bus, reaction)

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 2, 4, 5, 6]}
    assert await marks(desk, reaction) == {(INTAKE, A): 6}
    ((actor, action, event_id, purpose),) = await _audited(desk)
    assert (actor, action, purpose) == ("rina", "parked.discard", "obsolete")
    assert event_id.encode() in said(A, 3).value


async def test_all_under_a_key_is_given_up_at_once(desk: Desk, place: Place, reaction: Reaction) -> None:
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 6)), garbage(A), said(A, 1, AID))

    assert await _give_up(desk, everything=True, now=True) == 5

    assert await waiting(desk, reaction) == []
    assert await marks(desk, reaction) == {(INTAKE, A): 5, (AID, A): 1}
    assert len(await _audited(desk)) == 5


async def test_what_is_still_tried_is_not_given_up_by_mistake(desk: Desk, place: Place, reaction: Reaction) -> None:
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 5)))

    with pytest.raises(StillTried):
        await _give_up(desk)
    assert len(await waiting(desk, reaction)) == 2

    async with listening(desk, place.bus, reaction):

        async def dead() -> bool:
            await time_passes(desk)
            return bool((await parked_rows(desk, reaction))[0]["dead"])

        await until(dead)
        assert await _give_up(desk) == 1
        await until_nothing_is_parked(desk, reaction)
    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 2, 4]}


async def test_bytes_that_are_no_event_are_only_removed(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    await hear(desk, place, reaction, said(A, 1), garbage(A), said(A, 2))

    assert await _give_up(desk, now=True) == 1
    assert await marks(desk, reaction) == {(INTAKE, A): 1}
    async with listening(desk, place.bus, reaction):
        await until_nothing_is_parked(desk, reaction)

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 2]}
    assert [subject for _, _, subject, _ in await _audited(desk)] == [A]


async def test_a_version_that_never_came_is_waited_for_no_longer(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    await hear(desk, place, reaction, said(A, 1), said(A, 3), said(A, 4))

    assert await _give_up(desk, now=True) == 1
    async with listening(desk, place.bus, reaction):
        await until_nothing_is_parked(desk, reaction)

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 4]}


async def test_where_the_missing_one_stands_behind_and_fails_it_is_the_one_that_goes(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    reaction.broken[(INTAKE, A, 2)] = Broken()
    await hear(desk, place, reaction, said(A, 1), said(A, 3), said(A, 2))

    assert await _give_up(desk, now=True) == 1
    async with listening(desk, place.bus, reaction):
        await until_nothing_is_parked(desk, reaction)

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 3]}


async def test_it_must_be_said_whose(desk: Desk, place: Place, reaction: Reaction) -> None:
    other = Reaction("notes.other")
    other.broken = reaction.broken
    for one in (reaction, other):
        await hear(desk, place, one, *(said(A, version) for version in range(1, 4)))

    with pytest.raises(SeveralConsumers, match=r"notes\.other and for notes\.reactions"):
        await _give_up(desk, now=True)
    with pytest.raises(NothingParked):
        await _give_up(desk, key="case-b", now=True)
    assert await _give_up(desk, now=True, consumer=other.name) == 1

    assert await waiting(desk, other) == []
    assert len(await waiting(desk, reaction)) == 1


async def test_two_replicas_whose_timers_go_off_together_try_once(desk: Desk, place: Place, reaction: Reaction) -> None:
    other = await place.desk()
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 5)))
    await time_passes(desk)
    calls = reaction.calls
    for one in (desk, other):
        assert await one.read(partial(due, consumer=reaction.name, now_ms=1)) == [A]

    again = partial(retry_key, consumer=reaction.consumer, key=A)
    await asyncio.gather(desk.write(again), other.write(again))

    assert reaction.calls == calls + 1
    assert [row["attempts"] for row in await parked_rows(desk, reaction)] == [1, 0]

    reaction.broken.clear()
    await time_passes(desk)
    await asyncio.gather(desk.write(again), other.write(again))

    assert by_stream(await effects(desk, reaction)) == {(INTAKE, A): [1, 2, 3, 4]}
    assert await waiting(desk, reaction) == []
