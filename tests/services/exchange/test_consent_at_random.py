"""Consent raised, lowered and withdrawn, and people erased, at random, under load: whoever reads, whenever, is told
what a slow and obvious reference says, and nothing else.

A reader does not know at which moment exchange answered; it lies between what was taken in before it asked and after.
A row that the reference shows at both must be there, one that it shows at neither must not.
"""

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlmodel import col

from services.exchange.models import LogHead, StoredEvent
from shared.events.envelope import Event
from shared.events.intake import CaseErased
from tests.services.exchange.consent_reference import HIDDEN, Reference, Row, hidden
from tests.services.exchange.hearing import AGENCIES, Exchange, Narrator, new_id

SEED = int(os.environ.get("PULANG_CONSENT_SEED", "20201"))
EVENTS = 4_500
CASES = 150
LEVELS = ("none", "none", "pseudonymous", "identified")
RUNS = {"kemensos": {"RPTC-A"}, "bp2mi": {"TNJ"}, "iom": set[str]()}


@dataclass
class Page:
    """What a reader was told at once, and how many events exchange had taken in before and after."""

    before: int
    after: int
    events: list[dict[str, Any]]


@dataclass
class Reader:
    """One agency, read in pages of any size."""

    agency: str
    pages: list[Page] = field(default_factory=list)


async def taken(exchange: Exchange) -> int:
    return int(await exchange.service.desk.read(lambda session: session.scalar(select(col(LogHead.last_event))) or 0))


async def read(exchange: Exchange, reader: Reader, rng: random.Random, done: Callable[[], bool]) -> None:
    """Until all is told and nothing more comes. Now and then from the start again."""
    after, restarts = None, 3
    while True:
        if restarts and rng.random() < 0.05:
            after, restarts = None, restarts - 1
            reader.pages.append(Page(0, 0, []))
        finished = done()
        before = await taken(exchange)
        query = {"limit": rng.choice((3, 40, 400)), "wait": 0} | ({"after": after} if after else {})
        page = await exchange.page(reader.agency, **query)
        reader.pages.append(Page(before, await taken(exchange), page["events"]))
        if after == page["next"] and finished:
            return
        after = page["next"]
        await asyncio.sleep(rng.random() * 0.02)


def at_random(narrator: Narrator, rng: random.Random) -> list[Event]:
    """A caseload's events, half of them changes of consent. Of who is erased other services may still speak."""
    cases = [new_id() for _ in range(CASES)]
    events = [narrator.opened("RPTC-A", "kemensos"), narrator.opened("TNJ", "bp2mi", "arrival_point")]
    events += [narrator.registered(case) for case in cases]
    tell = (
        narrator.screened,
        lambda case: narrator.checked_in(case, new_id()),
        narrator.issued,
        narrator.session,
    )
    erased = set()
    while len(events) < EVENTS:
        case = rng.choice(cases)
        if rng.random() < 0.005 and case not in erased:
            erased.add(case)
            events.append(narrator.tell("intake", case, CaseErased()))
        elif rng.random() < 0.55 and case not in erased:
            some = rng.sample(AGENCIES, rng.choice((1, 1, 2, 3)))
            events.append(narrator.consent(case, **{agency: rng.choice(LEVELS) for agency in some}))
        else:
            events.append(rng.choice(tell)(case))
    return events


@pytest.mark.parametrize("seed", [SEED])
async def test_whoever_reads_is_told_what_the_reference_says(exchange: Exchange, narrator: Narrator, seed: int) -> None:
    print(f"PULANG_CONSENT_SEED={seed}")
    rng = random.Random(seed)  # noqa: S311
    events = at_random(narrator, rng)
    published = False
    readers = [Reader(agency) for agency in AGENCIES for _ in range(2)]
    reading = [
        asyncio.create_task(read(exchange, reader, random.Random(seed + number), lambda: published))  # noqa: S311
        for number, reader in enumerate(readers)
    ]
    waiting = list(events)
    while waiting:
        count = rng.choice((1, 5, 40, 200))
        await exchange.publish(*waiting[:count])
        del waiting[:count]
        await asyncio.sleep(rng.random() * 0.02)
    await exchange.settled(120)
    published = True
    await asyncio.gather(*reading)

    order = await in_their_order(exchange)
    assert len(order) == len(events)
    changes = sum(1 for event in order if event["type"].startswith("pulang.case.consent"))
    assert changes > 2_000
    assert sum(1 for event in order if event["type"] == CaseErased.TYPE) > 10
    for agency in AGENCIES:
        reference = Reference(agency, order, RUNS[agency])
        for reader in readers:
            if reader.agency == agency:
                check(reference, reader)
        check_topic(reference, [orjson.loads(one.value) for one in await exchange.on_topic(agency)])


async def in_their_order(exchange: Exchange) -> list[dict[str, Any]]:
    """The events as exchange took them in; each stream in the order of its versions."""
    payloads = await exchange.service.desk.read(
        lambda session: session.scalars(select(col(StoredEvent.payload)).order_by(col(StoredEvent.position))).all()
    )
    order = [orjson.loads(payload) for payload in payloads]
    versions: dict[tuple[str, str], int] = {}
    for event in order:
        stream = event["source"], event["subject"]
        versions[stream] = versions.get(stream, 0) + 1
        assert event["streamversion"] == versions[stream]
    return order


def check(reference: Reference, reader: Reader) -> None:
    """Every page against the rows that stood there then, in their order."""
    at = 0
    for page in reader.pages:
        if page.after == 0 and not page.events:
            at = 0
            continue
        for told in page.events:
            while True:
                assert at < len(reference.rows), ("told beyond the end", reader.agency, told)
                row = reference.rows[at]
                at += 1
                may = row.shown(page.before) or row.shown(page.after)
                if may and reference.told(row) == hidden(told):
                    break
                assert not (row.shown(page.before) and row.shown(page.after)), (reader.agency, row, told)
    # What is left behind the last page must not be shown now: the reader had come to the end.
    rest = [row for row in reference.rows[at:] if row.shown(len(reference.events))]
    assert rest == []


def check_topic(reference: Reference, told: Sequence[dict[str, Any]]) -> None:
    """Of each grant a beginning without a gap, and its ending where it is over; in the order of the log by key."""
    by_key: dict[str, list[dict[str, Any]]] = {}
    for event in told:
        by_key.setdefault(key_of(hidden(event)), []).append(event)
    rows_of: dict[str, list[Row]] = {}
    for row in reference.rows:
        rows_of.setdefault(key_of(reference.told(row)), []).append(row)
    for subject, events in by_key.items():
        rows = rows_of[subject]
        cut: set[int | None] = set()
        left = iter(events)
        event = next(left, None)
        for row in rows:
            if event is not None and reference.told(row) == hidden(event):
                assert row.ending or row.grant not in cut, (subject, row)
                event = next(left, None)
            else:
                assert not row.shown(len(reference.events)), ("never told", subject, row)
                cut.add(row.grant)
        assert event is None, ("told beyond what may be", subject, event)


def key_of(event: dict[str, Any]) -> str:
    """Its case; of a place, which has one event here and no name that could be known, the event itself."""
    return str(event["id"] if event["subject"] in (HIDDEN, "RPTC-A", "TNJ") else event["subject"])
