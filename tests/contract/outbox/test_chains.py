"""Whoever edits, removes, adds or moves a row of the event log is found out."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from shared.outbox.table import EVENTS, STREAMS
from shared.outbox.verify import verify_chains
from shared.work import Desk
from tests.contract.outbox.places import tell

A, B = "case-a", "case-b"


def at(subject: str, version: int) -> Callable[[Session], dict[str, object]]:
    return lambda session: dict(
        session.execute(select(EVENTS).where(EVENTS.c.subject == subject, EVENTS.c.streamversion == version))
        .one()
        ._mapping
    )


def change(session: Session, subject: str, version: int, **values: object) -> None:
    session.execute(
        update(EVENTS).where(EVENTS.c.subject == subject, EVENTS.c.streamversion == version).values(**values)
    )


def edit_the_bytes(session: Session) -> None:
    payload = at(A, 3)(session)["payload"]
    assert isinstance(payload, bytes)
    change(session, A, 3, payload=payload.replace(b'"3"', b'"4"'))


def edit_the_time(session: Session) -> None:
    payload = at(A, 3)(session)["payload"]
    assert isinstance(payload, bytes)
    change(session, A, 3, payload=payload.replace(b'"time":"20', b'"time":"19'))


def edit_the_type(session: Session) -> None:
    change(session, A, 3, type="pulang.case.closed.v1")


def delete_a_row(session: Session) -> None:
    session.execute(delete(EVENTS).where(EVENTS.c.subject == A, EVENTS.c.streamversion == 3))


def delete_a_row_and_close_up(session: Session) -> None:
    delete_a_row(session)
    for version in (4, 5):
        change(session, A, version, streamversion=version - 1)
    session.execute(update(STREAMS).where(STREAMS.c.subject == A).values(version=4))


def cut_the_end_off(session: Session) -> None:
    session.execute(delete(EVENTS).where(EVENTS.c.subject == A, EVENTS.c.streamversion >= 3))


def remove_the_stream(session: Session) -> None:
    session.execute(delete(EVENTS).where(EVENTS.c.subject == A))


def swap_the_bytes(session: Session) -> None:
    third, fourth = at(A, 3)(session), at(A, 4)(session)
    change(session, A, 3, payload=fourth["payload"])
    change(session, A, 4, payload=third["payload"])


def swap_the_rows(session: Session) -> None:
    change(session, A, 3, streamversion=99)
    change(session, A, 4, streamversion=3)
    change(session, A, 99, streamversion=4)


def take_from_another_stream(session: Session) -> None:
    other = at(B, 3)(session)
    change(session, A, 3, payload=other["payload"], hash=other["hash"])


def rename_the_stream(session: Session) -> None:
    session.execute(update(EVENTS).where(EVENTS.c.subject == A).values(subject="case-z"))
    session.execute(update(STREAMS).where(STREAMS.c.subject == A).values(subject="case-z"))


def add_a_row(session: Session) -> None:
    last = at(A, 5)(session)
    del last["position"]
    session.execute(insert(EVENTS).values(last | {"id": "added", "streamversion": 6}))
    session.execute(update(STREAMS).where(STREAMS.c.subject == A).values(version=6))


def add_a_stream(session: Session) -> None:
    last = at(A, 1)(session)
    del last["position"]
    session.execute(insert(EVENTS).values(last | {"id": "added", "subject": "case-z"}))


FOUND_AT: dict[Callable[[Session], None], tuple[str, int]] = {
    edit_the_bytes: (A, 3),
    edit_the_time: (A, 3),
    edit_the_type: (A, 3),
    delete_a_row: (A, 3),
    delete_a_row_and_close_up: (A, 3),
    cut_the_end_off: (A, 3),
    remove_the_stream: (A, 1),
    swap_the_bytes: (A, 3),
    swap_the_rows: (A, 3),
    take_from_another_stream: (A, 3),
    rename_the_stream: ("case-z", 1),
    add_a_row: (A, 6),
    add_a_stream: ("case-z", 1),
}


@pytest.fixture
async def log(desk: Desk) -> Desk:
    for number in range(1, 6):
        await tell(desk, A, f"{number}")
        await tell(desk, B, f"{number}", f"{number} again")
    return desk


async def test_an_untouched_log_is_whole(log: Desk) -> None:
    verdict = await log.read(lambda session: verify_chains(session, log.secrets.chain))

    assert verdict == {"service_events": 15, "streams": 2, "broken": []}


@pytest.mark.parametrize(("tamper", "found"), FOUND_AT.items(), ids=lambda one: getattr(one, "__name__", ""))
async def test_tampering_is_found(log: Desk, tamper: Callable[[Session], None], found: tuple[str, int]) -> None:
    await log.write(lambda work: tamper(work.session))

    verdict = await log.read(lambda session: verify_chains(session, log.secrets.chain))

    assert verdict["broken"] == [{"subject": found[0], "streamversion": found[1]}]


async def test_a_row_of_another_history_is_found(log: Desk) -> None:
    """A restored backup: the row was ours once, with a hash of our key, but what followed was written after another."""
    once = await log.read(at(A, 5))

    def go_back(session: Session) -> None:
        session.execute(delete(EVENTS).where(EVENTS.c.id == once["id"]))
        session.execute(update(STREAMS).where(STREAMS.c.subject == A).values(version=4))

    await log.write(lambda work: go_back(work.session))
    await tell(log, A, "another fifth", "sixth")
    values = {name: once[name] for name in ("id", "payload", "hash")}
    await log.write(lambda work: change(work.session, A, 5, **values))

    verdict = await log.read(lambda session: verify_chains(session, log.secrets.chain))

    assert verdict["broken"] == [{"subject": A, "streamversion": 6}]


async def test_writers_that_wait_for_each_other_make_one_chain(desk: Desk) -> None:
    await asyncio.gather(*(tell(desk, A, str(n)) for n in range(60)))

    verdict = await desk.read(lambda session: verify_chains(session, desk.secrets.chain))

    assert verdict == {"service_events": 60, "streams": 1, "broken": []}


async def test_the_chain_needs_its_key(log: Desk) -> None:
    verdict = await log.read(lambda session: verify_chains(session, log.secrets.audit))

    assert [one["streamversion"] for one in verdict["broken"]] == [1, 1]
