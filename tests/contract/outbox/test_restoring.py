"""A database that was restored from an older backup: noticed, made whole from the bus, read-only where it is behind."""

import time
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update

from shared.bus import protocol as bus_protocol
from shared.bus.protocol import Bus, BusUnavailable, Received, Record, TopicPartition
from shared.consuming.inbox import Consumer
from shared.consuming.table import INBOX
from shared.events.envelope import Event
from shared.events.fact import LIFECYCLE
from shared.outbox.lease import Lease
from shared.outbox.record import StateBehind
from shared.outbox.relay import Relay, backlog
from shared.outbox.table import EVENTS, STREAMS
from shared.outbox.verify import verify_chains
from shared.restoring import noticing
from shared.restoring.entering import behind, open_again
from shared.restoring.noticing import has_moved, is_at_home, is_older
from shared.restoring.putting_back import Doubled, Lacking, RelayAtWork, extents_since, put_back, rewind
from shared.work import Desk, Work
from tests.contract.inbox.hearing import Reaction, at_work, hear, listening, said, until_heard, waiting
from tests.contract.inbox.test_giving_up import OPERATOR
from tests.contract.outbox.places import Noted, Place, log_of, tell, until

A, B, C = "case-a", "case-b", "case-c"
SOURCE = "/pulang/notes"


async def _relayed(desk: Desk, place: Place) -> None:
    relay = Relay(desk, place.bus, Lease(desk.database, "relay"))
    await relay.start()

    async def all_sent() -> bool:
        return await desk.read(backlog) == 0

    await until(all_sent)
    await relay.stop()


async def _back_to(desk: Desk, **versions: int) -> None:
    """As a backup of then holds it: no stream is longer than is said here, and those that are not named are unknown."""
    kept = {subject.replace("_", "-"): version for subject, version in versions.items()}

    def restore(session: Any) -> None:
        for row in session.execute(select(STREAMS)).all():
            last = kept.get(row.subject, 0)
            session.execute(delete(EVENTS).where(EVENTS.c.subject == row.subject, EVENTS.c.streamversion > last))
            if last:
                session.execute(update(STREAMS).where(STREAMS.c.subject == row.subject).values(version=last))
            else:
                session.execute(delete(STREAMS).where(STREAMS.c.subject == row.subject))

    await desk.database.write(restore)


async def _put_back(desk: Desk, place: Place, since_ms: int | None = None) -> int:
    lease = Lease(desk.database, "relay")
    extents = await extents_since(place.bus, since_ms)
    try:
        return await put_back(place.bus, desk.database, lease, desk.secrets.chain, SOURCE, extents)
    finally:
        await lease.release()


async def _rows(desk: Desk) -> list[tuple[Any, ...]]:
    chosen = select(*(column for column in EVENTS.c if column.name != "position")).order_by(
        EVENTS.c.subject, EVENTS.c.streamversion
    )
    return await desk.read(lambda session: [tuple(row) for row in session.execute(chosen)])


async def _is_older(desk: Desk, place: Place, *consumers: Consumer) -> bool:
    return await is_older(place.bus, desk.database, "notes", consumers, moved=False)


@pytest.fixture
async def story(desk: Desk, place: Place) -> list[tuple[Any, ...]]:
    """Three cases on the bus, among what others say; the log as it was."""
    await tell(desk, A, "one", "two")
    await tell(desk, B, "one")
    await place.bus.publish([said("case-x", version) for version in range(1, 4)])
    await tell(desk, A, "three")
    await tell(desk, C, "one", "two")
    await tell(desk, A, "four")
    await _relayed(desk, place)
    return await _rows(desk)


async def test_what_is_whole_is_not_taken_for_older(desk: Desk, place: Place, story: list[Any]) -> None:
    assert not await _is_older(desk, place)
    await tell(desk, A, "not sent yet")
    assert not await _is_older(desk, place)
    assert await _put_back(desk, place) == 0
    assert await desk.read(behind) == []


async def test_an_empty_database_is_noticed_where_nobody_else_was_heard(desk: Desk, place: Place) -> None:
    """The consumer passed the service's own events, and says nothing of what the log lacks."""
    reaction = Reaction()
    deaf = replace(reaction.consumer, ignores=SOURCE)
    await tell(desk, A, "one", "two")
    await _relayed(desk, place)
    async with at_work(desk, place.bus, deaf):
        await until_heard(place.bus, reaction)
    assert not await _is_older(desk, place, deaf)

    await _back_to(desk)
    assert await _is_older(desk, place, deaf)


async def test_rows_come_back_with_their_bytes_and_chains(desk: Desk, place: Place, story: list[Any]) -> None:
    await _back_to(desk, case_a=2, case_b=1)
    assert await _is_older(desk, place)

    assert await _put_back(desk, place) == 4

    assert await _rows(desk) == story
    assert not await _is_older(desk, place)
    whole = await desk.read(lambda session: verify_chains(session, desk.secrets.chain))
    assert (whole["service_events"], whole["broken"]) == (7, [])
    assert await _put_back(desk, place) == 0


async def test_one_lost_row_is_noticed_wherever_it_stands(desk: Desk, place: Place, story: list[Any]) -> None:
    for subject, last in ((A, 3), (B, 0), (C, 1)):
        versions = {"case_a": 4, "case_b": 1, "case_c": 2} | {subject.replace("-", "_"): last}
        await _back_to(desk, **versions)
        assert await _is_older(desk, place), subject
        assert await _put_back(desk, place) == len(story) - sum(versions.values())


async def test_no_version_is_given_twice_afterwards(desk: Desk, place: Place, story: list[Any]) -> None:
    await _back_to(desk, case_a=2, case_b=1)
    await _put_back(desk, place)
    await desk.write(lambda work: open_again(work, A), OPERATOR)
    await tell(desk, A, "entered again")
    await tell(desk, B, "never lost")
    await _relayed(desk, place)

    said_of_us = [event for one in await place.on_the_bus() if (event := Event.from_bytes(one.value)).source == SOURCE]
    versions = [(event.subject, event.streamversion) for event in said_of_us]
    assert len(versions) == len(set(versions)) == 9
    assert {subject: max(v for s, v in versions if s == subject) for subject in (A, B, C)} == {A: 5, B: 2, C: 2}


async def test_what_is_behind_is_read_only_until_an_officer_opens_it(
    desk: Desk, place: Place, story: list[Any]
) -> None:
    await _back_to(desk, case_a=2, case_b=1)
    await _put_back(desk, place)

    assert [(one["subject"], one["state_version"], one["streamversion"]) for one in await desk.read(behind)] == [
        (A, 2, 4),
        (C, 0, 2),
    ]
    assert [missing["streamversion"] for missing in (await desk.read(behind))[0]["missing"]] == [3, 4]
    assert [one["subject"] for one in await desk.read(partial(behind, after=A))] == [C]
    for command in (tell(desk, A, "no"), tell(desk, C, "no", "no")):
        with pytest.raises(StateBehind):
            await command

    def both(work: Work) -> None:
        work.record(B, Noted(text="would go"))
        work.record(C, Noted(text="does not"))

    with pytest.raises(StateBehind) as refused:
        await desk.write(both)
    assert refused.value.subjects == [C]
    assert await _rows(desk) == story

    await desk.write(lambda work: open_again(work, A), OPERATOR)
    await tell(desk, A, "entered again")
    assert [one["subject"] for one in await desk.read(behind)] == [C]


async def test_a_reaction_about_it_waits_and_others_go_on(desk: Desk, place: Place, story: list[Any]) -> None:
    await _back_to(desk, case_a=2, case_b=1)
    await _put_back(desk, place)
    reaction = Reaction()

    await hear(desk, place, reaction, said(A, 1), said(B, 1), said(A, 2))
    parked = await waiting(desk, reaction)
    assert [reason for key, reason in parked if key == A] == ["StateBehind", *["behind another"] * 5]
    assert B not in {key for key, _ in parked}

    await desk.write(lambda work: open_again(work, A), OPERATOR)
    async with listening(desk, place.bus, reaction):

        async def taken_in() -> bool:
            return A not in {key for key, _ in await waiting(desk, reaction)}

        await until(taken_in)
    versions = [event.streamversion for event in await log_of(desk) if event.subject == A]
    assert versions == list(range(1, 11))  # four of then, and the reactions to those four and to two of another's


async def test_a_version_that_was_given_twice_is_refused(desk: Desk, place: Place, story: list[Any]) -> None:
    await _back_to(desk, case_a=3, case_b=1, case_c=2)
    await tell(desk, A, "written before anybody checked")
    assert await _is_older(desk, place)

    with pytest.raises(Doubled, match="case-a version 4"):
        await _put_back(desk, place)


async def test_a_hole_is_refused(desk: Desk, place: Place, story: list[Any]) -> None:
    await _back_to(desk, case_a=1, case_b=1, case_c=2)
    newest = await desk.read(lambda session: session.execute(select(func.max(EVENTS.c.recorded_ms))).scalar_one())
    extents = [one for one in await extents_since(place.bus, None) if one.offsets]
    late = Event.from_bytes(story[3][6])
    assert (late.subject, late.streamversion) == (A, 4)
    await place.bus.publish([Record(LIFECYCLE, "case-elsewhere", story[3][6], newest)])
    after = [one for one in await extents_since(place.bus, None) if one.offsets]

    only_the_last = [
        type(one)(one.place, range(before.offsets.stop if before else one.offsets.start, one.offsets.stop))
        for one in after
        for before in [next((two for two in extents if two.place == one.place), None)]
    ]
    with pytest.raises(Lacking, match="case-a before version 4"):
        await put_back(
            place.bus, desk.database, Lease(desk.database, "relay"), desk.secrets.chain, SOURCE, only_the_last
        )


async def test_not_beside_a_relay(desk: Desk, place: Place, story: list[Any]) -> None:
    await _back_to(desk, case_a=2)
    other = Lease(desk.database, "relay")
    assert await other.hold()

    with pytest.raises(RelayAtWork):
        await _put_back(desk, place)
    assert len(await _rows(desk)) == 2


async def test_what_others_said_since_the_backup_is_heard_again(desk: Desk, place: Place) -> None:
    reaction = Reaction()
    await hear(desk, place, reaction, *(said(A, version) for version in range(1, 5)), said(B, 1))
    assert not await _is_older(desk, place, reaction.consumer)
    await desk.database.write(
        lambda session: session.execute(update(INBOX).where(INBOX.c.subject == A).values(version=2))
    )
    assert await _is_older(desk, place, reaction.consumer)

    async with listening(desk, place.bus, reaction):
        with pytest.raises(BusUnavailable):
            await rewind(place.bus, [reaction.consumer], await extents_since(place.bus, None))
    await rewind(place.bus, [reaction.consumer], await extents_since(place.bus, None))
    calls = reaction.calls
    async with listening(desk, place.bus, reaction):
        await until_heard(place.bus, reaction)

    assert reaction.calls == calls + 2  # versions 3 and 4 of case A: the rest was dropped
    assert not await _is_older(desk, place, reaction.consumer)


async def test_a_server_that_is_new_to_a_database_with_a_history_is_told(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noticing, "server_of", lambda _: "7301/00000001")
    assert not await desk.read(has_moved)
    await tell(desk, A, "one")
    assert await desk.read(has_moved)
    await desk.database.write(is_at_home)
    assert not await desk.read(has_moved)
    monkeypatch.setattr(noticing, "server_of", lambda _: "7301/00000002")
    assert await desk.read(has_moved)


async def test_who_records_seldom_is_looked_for_no_further_back_than_it_has_heard(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hears, and has recorded nothing yet when the backup is made: what it told since is noticed all the same."""
    monkeypatch.setattr(noticing, "AT_ONCE", 2)
    monkeypatch.setattr(noticing, "OWN_ENOUGH", 3)
    looked = set[int]()

    async def stretch(bus: Bus, place: TopicPartition, offsets: range) -> list[Received]:
        looked.update(offsets)
        return await bus_protocol.stretch(bus, place, offsets)

    monkeypatch.setattr(noticing, "stretch", stretch)
    quiet = Consumer("notes.quiet", (LIFECYCLE,), lambda work, events: None, ignores=SOURCE)
    now_ms = int(time.time() * 1000)
    spoken = [said(A, version, key=A) for version in range(1, 21)]
    old_ms = now_ms - 2 * noticing.CLOCKS_MS
    await place.bus.publish([one._replace(timestamp_ms=old_ms) for one in spoken[:15]])
    await place.bus.publish([one._replace(timestamp_ms=now_ms) for one in spoken[15:]])

    async def heard() -> bool:
        return await place.bus.lag(quiet.name, [LIFECYCLE]) == 0

    async with at_work(desk, place.bus, quiet):
        await until(heard)
    assert not await is_older(place.bus, desk.database, "notes", [quiet], moved=True)
    assert 19 in looked
    assert 0 not in looked

    await tell(desk, A, "one")
    await _relayed(desk, place)
    async with at_work(desk, place.bus, quiet):
        await until(heard)
    assert not await is_older(place.bus, desk.database, "notes", [quiet], moved=False)
    await _back_to(desk)
    assert await is_older(place.bus, desk.database, "notes", [quiet], moved=False)

    await _put_back(desk, place)
    await desk.database.write(lambda session: session.execute(delete(INBOX)))
    assert await is_older(place.bus, desk.database, "notes", [quiet], moved=True)
