"""The audit log: chained, its heads published; whatever is done to it behind its back is found where it was done."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from shared import service as running_service
from shared.auditing import publishing
from shared.auditing.heads import AUDIT_TOPIC, HEADS, Head
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import BusUnavailable, Received, Record, TopicPartition
from shared.security.audit import AUDIT, START, chain_rows, sealed
from shared.service import Service
from tests.services.intake.story import intake_of, kind, rows_of
from tests.world import Pulang

PATH = "/intake/operations/audit"
PATIENCE_SECONDS = 30
SOME_ID = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
HEADS_AT = (3, 7, 10)
"""Numbers of the heads that the story publishes."""
Judged = dict[str, Any]
Tamper = Callable[[Session, bytes], None]


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """As once a second, and sooner."""
    monkeypatch.setattr(running_service, "CHORE_SECONDS", 0.02)
    monkeypatch.setattr(publishing, "EVERY_SECONDS", 0.02)
    monkeypatch.setattr(publishing, "AWAY_SECONDS", 0.02)


async def judged(pulang: Pulang, path: str = PATH) -> Judged:
    answer = await pulang.administrator.get(path)
    assert answer.status_code == 200, answer.text
    body: Judged = answer.json()
    return body


async def published(pulang: Pulang, number: int) -> Judged:
    """Once the head of that number is on the bus."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (found := await judged(pulang))["heads"]["number"] < number or found["unpublished"]["rows"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def entries(pulang: Pulang, first: int, last: int) -> None:
    """One row each, numbered from first to last, under one head."""
    held = intake_of(pulang).relay
    held._lease.number, number = 0, held._lease.number  # nothing is chained meanwhile
    for at in range(first, last + 1):
        await pulang.open_post(f"P{at:02}")
    held._lease.number = number
    await published(pulang, last)


async def on_the_bus(service: Service) -> list[Received]:
    records: list[Received] = []
    for place, extent in (await service.bus.extents(AUDIT_TOPIC.name)).items():
        while extent.start + len(records) < extent.stop:
            records += await service.bus.read(place, extent.start + len(records), 500)
    return [one for one in records if one.key == service.name]


@pytest.fixture
async def told(pulang: Pulang) -> Pulang:
    """Ten rows under three heads."""
    before = 0
    for last in HEADS_AT:
        await entries(pulang, before + 1, last)
        before = last
    heads = [json.loads(one.value) for one in await on_the_bus(intake_of(pulang))]
    assert [head["number"] for head in heads] == list(HEADS_AT)
    return pulang


def change(session: Session, number: int, /, **values: Any) -> None:
    session.execute(update(AUDIT).where(AUDIT.c.number == number).values(**values))


def content(session: Session, number: int) -> dict[str, Any]:
    row = session.execute(select(AUDIT).where(AUDIT.c.number == number)).one()
    return {name: one for name, one in row._mapping.items() if name not in ("position", "number", "hash")}


def remove(session: Session, *numbers: int) -> None:
    session.execute(delete(AUDIT).where(AUDIT.c.number.in_(numbers)))


def renumber(session: Session, numbers: Sequence[int], by: int) -> None:
    for number in sorted(numbers, reverse=by > 0):
        change(session, number, number=number + by)


def forge(session: Session, key: bytes, first: int) -> None:
    """Hashes that fit again, from there on: whoever has the key can make them."""
    rows = session.execute(select(AUDIT).where(AUDIT.c.number.is_not(None)).order_by(AUDIT.c.number)).all()
    head = START
    for row in rows:
        head = sealed(key, head, row, row.number) if row.number >= first else row.hash
        change(session, row.number, hash=head)


def edited(column: str, value: Any) -> Tamper:
    def tamper(session: Session, key: bytes) -> None:
        change(session, 5, **{column: value})

    return tamper


def hash_edited(session: Session, key: bytes) -> None:
    change(session, 5, hash=bytes(32))


def hash_taken_away(session: Session, key: bytes) -> None:
    change(session, 5, hash=None)


def two_edited(session: Session, key: bytes) -> None:
    change(session, 5, actor="somebody")
    change(session, 6, actor="somebody")


def row_removed(session: Session, key: bytes) -> None:
    remove(session, 5)


def rows_removed(session: Session, key: bytes) -> None:
    remove(session, 1, 5, 6)


def rows_removed_and_closed_up(session: Session, key: bytes) -> None:
    remove(session, 4, 5)
    renumber(session, range(6, 11), -2)


def row_added(session: Session, key: bytes) -> None:
    renumber(session, range(5, 11), 1)
    session.execute(insert(AUDIT).values(content(session, 4) | {"number": 5, "hash": b"x" * 32}))


def rows_swapped(session: Session, key: bytes) -> None:
    change(session, 5, number=99)
    change(session, 8, number=5)
    change(session, 99, number=8)


def neighbours_swapped(session: Session, key: bytes) -> None:
    change(session, 5, number=99)
    change(session, 6, number=5)
    change(session, 99, number=6)


def contents_swapped(session: Session, key: bytes) -> None:
    fifth, eighth = content(session, 5), content(session, 8)
    change(session, 5, **eighth)
    change(session, 8, **fifth)


def tail_cut_off(session: Session, key: bytes) -> None:
    remove(session, 9, 10)


def tail_cut_off_at_a_head(session: Session, key: bytes) -> None:
    remove(session, 8, 9, 10)


def everything_removed(session: Session, key: bytes) -> None:
    session.execute(delete(AUDIT))


def tail_cut_off_with_its_heads(session: Session, key: bytes) -> None:
    remove(session, 8, 9, 10)
    session.execute(delete(HEADS).where(HEADS.c.number > 7))


def tail_written_anew(session: Session, key: bytes) -> None:
    """As long as before, and of the right key."""
    ninth = content(session, 9)
    remove(session, 9, 10)
    session.execute(insert(AUDIT), [ninth | {"actor": "nobody"}, ninth | {"actor": "nobody"}])
    chain_rows(session, key)


def rewritten(first: int) -> Tamper:
    def tamper(session: Session, key: bytes) -> None:
        change(session, first, actor="nobody")
        forge(session, key, first)

    return tamper


def rewritten_with_another_key(session: Session, key: bytes) -> None:
    change(session, 5, actor="nobody")
    forge(session, bytes(32), 5)


def shortened_with_the_key(session: Session, key: bytes) -> None:
    """A row removed, all that follows numbered and chained anew: the chain is whole, and too short."""
    remove(session, 5)
    renumber(session, range(6, 11), -1)
    forge(session, key, 5)


def taken_out_of_the_chain(session: Session, key: bytes) -> None:
    change(session, 10, number=None, hash=None)


def heads_forgotten(session: Session, key: bytes) -> None:
    session.execute(delete(HEADS).where(HEADS.c.sequence == 3))


FOUND: dict[str, tuple[Tamper, list[tuple[Any, ...]]]] = {
    **{
        f"{column} edited": (edited(column, value), [("edited", 5, 5)])
        for column, value in {
            "at_ms": 1,
            "actor": "nobody",
            "agency": "iom",
            "roles": "",
            "action": "identity.read",
            "subject": "P99",
            "purpose": "legal",
            "outcome": "refused",
        }.items()
    },
    "hash edited": (hash_edited, [("edited", 5, 5)]),
    "hash taken away": (hash_taken_away, [("edited", 5, 5)]),
    "two edited": (two_edited, [("edited", 5, 5), ("edited", 6, 6)]),
    "row removed": (row_removed, [("removed", 5, 5)]),
    "rows removed": (rows_removed, [("removed", 1, 1), ("removed", 5, 6)]),
    "rows removed, closed up": (rows_removed_and_closed_up, [("removed", 4, 5)]),
    "row added": (row_added, [("added", 5, 5)]),
    "rows swapped": (rows_swapped, [("moved", 5, 5, 8), ("moved", 8, 8, 5)]),
    "neighbours swapped": (neighbours_swapped, [("moved", 5, 5, 6), ("moved", 6, 6, 5)]),
    "contents swapped": (contents_swapped, [("moved", 5, 5, 8), ("moved", 8, 8, 5)]),
    "tail cut off": (tail_cut_off, [("cut_off", 9, 10)]),
    "tail cut off at a head": (tail_cut_off_at_a_head, [("cut_off", 8, 10)]),
    "everything removed": (everything_removed, [("cut_off", 1, 10)]),
    "tail and heads cut off": (tail_cut_off_with_its_heads, [("cut_off", 8, 10)]),
    "tail written anew": (tail_written_anew, [("rewritten", 8, 10)]),
    "rewritten from 5": (rewritten(5), [("rewritten", 4, 10)]),
    "rewritten from 1": (rewritten(1), [("rewritten", 1, 10)]),
    "rewritten from 10": (rewritten(10), [("rewritten", 8, 10)]),
    "another key": (rewritten_with_another_key, [("edited", n, n) for n in range(5, 11)]),
    "shortened with the key": (shortened_with_the_key, [("rewritten", 4, 7), ("cut_off", 10, 10)]),
    "taken out of the chain": (taken_out_of_the_chain, [("cut_off", 10, 10)]),
    "heads forgotten": (heads_forgotten, [("head_unknown", 3, 3)]),
}


def findings(found: Judged) -> list[tuple[Any, ...]]:
    names = ("what", "number", "until", "stands_at")
    return [tuple(one[name] for name in names if name in one) for one in found["findings"]]


@pytest.mark.either_database
async def test_whatever_is_done_to_the_log_is_found_in_its_place(told: Pulang) -> None:
    intake = intake_of(told)
    key = intake.desk.secrets.audit
    whole = await judged(told)
    assert (whole["findings"], whole["rows"], whole["heads"]["number"]) == ([], 10, 10)

    def save(session: Session) -> dict[Any, list[dict[str, Any]]]:
        return {table: [dict(row._mapping) for row in session.execute(select(table))] for table in (AUDIT, HEADS)}

    before = await intake.database.read(save)

    def put_back(session: Session) -> None:
        for table, rows in before.items():
            session.execute(delete(table))
            session.execute(insert(table), rows)

    intake.relay._lease.number = 0  # its chores would mend what is tampered with
    intake.relay._lease._ask_at = float("inf")
    for name, (tamper, expected) in FOUND.items():
        await intake.database.write(lambda session, tamper=tamper: tamper(session, key))  # type: ignore[misc]
        assert findings(await judged(told)) == expected, name
        await intake.database.write(put_back)
        assert findings(await judged(told)) == [], name


@pytest.mark.either_database
async def test_heads_are_sealed_and_one_behind_the_other(told: Pulang) -> None:
    intake = intake_of(told)
    key = intake.desk.secrets.heads
    heads = [json.loads(one.value) for one in await on_the_bus(intake)]
    assert [(head["sequence"], head["number"], head["rows"]) for head in heads] == [(1, 3, 3), (2, 7, 4), (3, 10, 3)]
    assert [head["previous"] for head in heads[1:]] == [head["seal"] for head in heads[:-1]]
    hashes = dict(rows_of(told, "SELECT number, hash FROM audit"))
    assert [head["hash"] for head in heads] == [bytes(hashes[number]).hex() for number in HEADS_AT]

    forged = heads[2] | {"sequence": 4, "number": 11, "previous": heads[2]["seal"]}
    await intake.bus.publish([Record(AUDIT_TOPIC.name, "intake", json.dumps(forged).encode(), 0)])
    await intake.bus.publish([Record(AUDIT_TOPIC.name, "intake", b"no head at all", 0)])
    places = await intake.bus.extents(AUDIT_TOPIC.name)
    (extent,) = places.values()
    assert findings(await judged(told)) == [("head_forged", extent.stop - 2, extent.stop - 1)]

    other = Head(3, 10, bytes(32), 3, heads[2]["at_ms"], bytes.fromhex(heads[2]["previous"]))
    await intake.bus.publish(
        [Record(AUDIT_TOPIC.name, "intake", other.to_bytes("intake", other.seal(key, "intake")), 0)]
    )
    found = findings(await judged(told))
    assert found[:2] == [("rewritten", 10, 10), ("head_twice", 3, 3)]


async def test_heads_that_are_no_longer_on_the_bus_are_missed(told: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    extents = EmbeddedBus.extents

    async def from_the_second_on(bus: EmbeddedBus, topic: str) -> dict[TopicPartition, range]:
        found = await extents(bus, topic)
        own = (await on_the_bus_of(bus, extents))[1].offset
        return {place: range(own, one.stop) for place, one in found.items()} if topic == AUDIT_TOPIC.name else found

    monkeypatch.setattr(EmbeddedBus, "extents", from_the_second_on)
    assert findings(await judged(told)) == [("head_missing", 1, 1)]


async def on_the_bus_of(bus: EmbeddedBus, extents: Any) -> list[Received]:
    ((place, extent),) = (await extents(bus, AUDIT_TOPIC.name)).items()
    records = await bus.read(place, extent.start, len(extent))
    return [one for one in records if one.key == "intake"]


@pytest.mark.either_database
async def test_a_bus_that_is_away_stops_no_chores_and_gets_its_head_later(
    pulang: Pulang, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, away = EmbeddedBus.publish, True
    refused = asyncio.Event()

    async def wavering(bus: EmbeddedBus, records: Sequence[Record]) -> None:
        heads = [one for one in records if one.topic == AUDIT_TOPIC.name]
        if heads and away:
            refused.set()
            raise BusUnavailable("away")
        await publish(bus, records)

    monkeypatch.setattr(EmbeddedBus, "publish", wavering)
    for number in range(1, 6):
        refused.clear()
        await pulang.open_post(f"P{number:02}")
        await refused.wait()
        await chained(pulang, number)
    found = await judged(pulang)
    assert (found["findings"], found["heads"], found["unpublished"]["rows"]) == ([], {"number": 0}, 5)
    assert found["unpublished"]["since"]
    away = False
    await published(pulang, 5)
    heads = [json.loads(one.value)["number"] for one in await on_the_bus(intake_of(pulang))]
    assert heads[-1] == 5
    assert len(heads) == 2, "one that waited, and one for all that came meanwhile"


async def test_a_head_whose_acknowledgement_was_lost_stands_twice_and_accuses_nobody(
    pulang: Pulang, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, unheard = EmbeddedBus.publish, [True]

    async def wavering(bus: EmbeddedBus, records: Sequence[Record]) -> None:
        await publish(bus, records)
        if any(one.key == "intake" and one.topic == AUDIT_TOPIC.name for one in records) and unheard:
            unheard.pop()
            raise BusUnavailable("unheard")

    monkeypatch.setattr(EmbeddedBus, "publish", wavering)
    await pulang.open_post()
    while len(records := await on_the_bus(intake_of(pulang))) < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert records[0].value == records[1].value
    assert (await published(pulang, 1))["findings"] == []


async def chained(pulang: Pulang, number: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not rows_of(pulang, "SELECT 1 FROM audit WHERE number = ?", number):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_what_waits_to_be_chained_is_named(pulang: Pulang) -> None:
    intake_of(pulang).relay._lease.number = 0
    intake_of(pulang).relay._lease._ask_at = float("inf")
    await pulang.open_post()
    found = await judged(pulang)
    ((at_ms,),) = rows_of(pulang, "SELECT at_ms FROM audit")
    assert (found["rows"], found["unsealed"]["rows"], found["findings"]) == (1, 1, [])
    assert found["unsealed"]["since"].endswith(f".{at_ms % 1000:03}000Z")


async def test_the_bus_does_not_answer(told: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(bus: EmbeddedBus, topic: str) -> object:
        raise BusUnavailable("away")

    monkeypatch.setattr(EmbeddedBus, "extents", away)
    found = await judged(told)
    assert (found["heads"], found["findings"]) == (None, [])


@pytest.mark.either_database
async def test_an_auditor_reads_the_log_page_by_page_and_is_entered_in_it(told: Pulang) -> None:
    auditor = told.user("auditor", "pulang")
    path = f"{PATH}/entries"
    assert kind(await told.administrator.get(path)) == (403, "not-allowed")
    seen, cursor = [], ""
    for _ in range(4):
        page = (await auditor.get(path, params={"limit": 4} | ({"after": cursor} if cursor else {}))).json()
        seen += page["items"]
        cursor = page.get("next", "")
        if len(seen) >= 10:
            break
    assert [one["number"] for one in seen[:10]] == list(range(1, 11))
    assert seen[4] == {
        "number": 5,
        "at": seen[4]["at"],
        "actor": "administrator@kemensos",
        "agency": "kemensos",
        "roles": ["administrator"],
        "action": "place.manage",
        "subject": "P05",
        "purpose": "",
        "outcome": "done",
    }
    assert rows_of(told, "SELECT DISTINCT actor, subject FROM audit WHERE action = 'audit.read'") == [
        ("auditor@pulang", "all")
    ]

    async def numbers(**wanted: str) -> list[int]:
        answer = await auditor.get(path, params=wanted)
        assert answer.status_code == 200, answer.text
        return [one["number"] for one in answer.json()["items"] if one["number"] <= 10]

    assert await numbers(subject="P05") == [5]
    assert await numbers(actor="administrator@kemensos") == list(range(1, 11))
    assert await numbers(actor="nobody") == []
    # Who is looked for by a name leaves none: of a search the ids are noted, and what the log has.
    assert await numbers(subject="Siti Aminah") == await numbers(subject=SOME_ID) == []
    noted = rows_of(told, "SELECT subject FROM audit WHERE action = 'audit.read' ORDER BY position DESC LIMIT 2")
    assert noted == [(SOME_ID,), ("unknown",)]
    assert await numbers(action="identity.read") == []
    assert await numbers(**{"from": seen[0]["at"], "until": seen[0]["at"]}) == []
    assert 1 in await numbers(**{"from": seen[0]["at"]})
    for wrong in ({"from": "2026-11-03"}, {"actor": "a" * 257}, {"subject": "\x00"}, {"after": "x"}, {"limit": "0"}):
        assert (await auditor.get(path, params=wrong)).status_code == 422, wrong


@pytest.mark.either_database
async def test_whoever_a_token_can_name_can_be_noted(pulang: Pulang) -> None:
    long = "ü" * 256
    user = pulang.user("administrator", "a" * 64, subject=long)
    body = {"name": "Pos", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    answer = await user.put("/intake/arrival-points/TNJ", body)
    assert answer.status_code == 200, answer.text
    assert rows_of(pulang, "SELECT actor, agency FROM audit") == [(long, "a" * 64)]


async def test_a_stop_waits_for_no_bus_that_is_silent(pulang: Pulang, monkeypatch: pytest.MonkeyPatch) -> None:
    publish, silent, asked = EmbeddedBus.publish, asyncio.Event(), asyncio.Event()

    async def wavering(bus: EmbeddedBus, records: Sequence[Record]) -> None:
        if records[0].topic == AUDIT_TOPIC.name:
            asked.set()
            await silent.wait()
        await publish(bus, records)

    monkeypatch.setattr(EmbeddedBus, "publish", wavering)
    monkeypatch.setattr(publishing, "LAST_SECONDS", 0.1)
    await pulang.open_post()
    await asked.wait()
    await intake_of(pulang).heads.stop()
    assert (await judged(pulang))["heads"] == {"number": 0}
    silent.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await judged(pulang))["heads"]["number"] != 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await judged(pulang))["findings"] == []
