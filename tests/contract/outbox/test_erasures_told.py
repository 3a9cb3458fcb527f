"""The erasures among the records of a bus: in either mode of CloudEvents, and only intake's."""

import pytest

from shared.bus.protocol import Received
from shared.events.envelope import STRUCTURED, Event
from shared.events.fact import LIFECYCLE
from shared.events.intake import CaseErased
from shared.restoring.erasures import ErasuresTold
from tests.contract.events.facts import event_about

CASE = event_about(CaseErased()).subject


def received(value: bytes, headers: tuple[tuple[str, bytes], ...]) -> Received:
    return Received(LIFECYCLE, 0, 0, CASE, value, 0, headers)


def told_of(record: Received) -> set[str]:
    told = ErasuresTold()
    told.note(record)
    return told.cases


def test_a_whole_event() -> None:
    assert told_of(received(event_about(CaseErased()).to_bytes(), STRUCTURED)) == {CASE}


def test_an_event_whose_attributes_are_headers() -> None:
    event = event_about(CaseErased())
    attributes = ("specversion", "id", "source", "type", "subject", "time", "recordedtime", "streamversion")
    said = {"specversion": "1.0"} | {name: str(getattr(event, name)) for name in attributes[1:]}
    headers = tuple((f"ce_{name}", said[name].encode()) for name in attributes)
    assert told_of(received(b"{}", (*headers, ("content-type", b"application/json")))) == {CASE}


@pytest.mark.parametrize(
    "change", [{"source": "/pulang/aid"}, {"type": "pulang.case.closed.v1", "causationid": CaseErased.TYPE}]
)
def test_what_another_says_or_what_only_names_it_is_none(change: dict[str, str]) -> None:
    event: Event = event_about(CaseErased())._replace(**change)
    assert told_of(received(event.to_bytes(), STRUCTURED)) == set()
    assert told_of(received(CaseErased.TYPE.encode(), STRUCTURED)) == set()
