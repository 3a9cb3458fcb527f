"""A fact is told exactly when what it tells of is true."""

import asyncio
from datetime import UTC, datetime
from functools import partial
from itertools import permutations

import pytest

from shared.events.envelope import Event
from shared.outbox.relay import recorded
from shared.work import Cause, Desk, Work
from tests.contract.outbox.places import Noted, log_of, tell, texts, versions
from tests.contract.unit_of_work.tables import names, note


class Refused(Exception):
    """A rule says no."""


def write(work: Work, subject: str, text: str, *, refuse: bool = False) -> None:
    note(work.session, text)
    work.record(subject, Noted(text=text))
    if refuse:
        raise Refused


async def test_an_event_stands_where_its_rows_stand(desk: Desk) -> None:
    commands = [partial(write, subject=f"case-{n % 5}", text=f"{n}", refuse=n % 3 == 0) for n in range(90)]
    commands += [partial(write, subject="case-0", text="1")]  # its name is taken: the database says no

    answers = await asyncio.gather(*(desk.write(command) for command in commands), return_exceptions=True)

    assert sum(isinstance(answer, Refused) for answer in answers) == 30
    kept = [str(n) for n in range(90) if n % 3]
    events = await log_of(desk)
    assert sorted(texts(events)) == sorted(kept) == sorted(await desk.read(names))
    assert await desk.read(recorded) == 60


async def test_an_attempt_that_fails_tells_nothing(desk: Desk) -> None:
    def command(work: Work) -> None:
        write(work, "case", "before")
        with pytest.raises(Refused), work.attempt():
            write(work, "case", "inside", refuse=True)
        with work.attempt():
            write(work, "case", "after")

    await desk.write(command)

    events = await log_of(desk)
    assert texts(events) == ["before", "after"] == await desk.read(names)
    assert [event.streamversion for event in events] == [1, 2]


async def test_versions_have_no_gap_under_many_writers(desk: Desk) -> None:
    orders = list(permutations([f"case-{n}" for n in range(6)], 4))

    def command(work: Work, number: int) -> None:
        chosen = orders[number * 7 % len(orders)]
        for subject in (*chosen, chosen[0]):
            work.record(subject, Noted(text=f"{number}"))
        if number % 4 == 0:
            raise Refused

    await asyncio.gather(*(desk.write(partial(command, number=n)) for n in range(120)), return_exceptions=True)

    streams: dict[str, list[Event]] = {}
    for event in await log_of(desk):
        streams.setdefault(event.subject, []).append(event)
    assert sum(len(stream) for stream in streams.values()) == 90 * 5
    assert versions(streams) == {subject: list(range(1, len(stream) + 1)) for subject, stream in streams.items()}


async def test_facts_of_one_command_keep_their_order(desk: Desk) -> None:
    await tell(desk, "case-b", *"abc")
    await tell(desk, "case-a", *"xyz")
    await tell(desk, "case-b", *"def")

    assert "".join(texts(await log_of(desk), "case-b")) == "abcdef"


async def test_an_event_says_who_when_and_why(desk: Desk) -> None:
    happened = datetime(2020, 1, 3, 12, tzinfo=UTC)
    cause = Cause(correlationid="0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10", causationid="before", traceparent="00-1-2-00")
    began = datetime.now(UTC)
    await desk.write(lambda work: work.record("case", Noted(text="late entry"), happened), cause)

    (event,) = await log_of(desk)

    assert (event.source, event.type, event.subject) == ("/pulang/notes", "pulang.case.noted.v1", "case")
    assert event.time == "2020-01-03T12:00:00.000000Z"
    assert began <= datetime.fromisoformat(event.recordedtime) <= datetime.now(UTC)
    assert (event.correlationid, event.causationid, event.traceparent) == (
        cause.correlationid,
        "before",
        "00-1-2-00",
    )
    assert event.id[14] == "7"
