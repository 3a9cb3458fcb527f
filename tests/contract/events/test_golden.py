"""Each event on the wire, byte for byte: a golden JSON changes only by an optional field; anything else is v2."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event, to_binary_event
from cloudevents.core.formats.json import JSONFormat

from shared.events.catalogue import FACTS, fact_of
from shared.events.envelope import CONTENT_TYPE, MAX_VERSION, Event
from shared.events.fact import Fact
from tests.contract.events.facts import EXAMPLES, event_about

GOLDEN = Path(__file__).parent / "golden"
every_type = pytest.mark.parametrize("fact", EXAMPLES, ids=lambda fact: fact.TYPE)


def golden(event_type: str) -> bytes:
    """The bytes as they are sent; the file differs by its indentation alone."""
    return orjson.dumps(orjson.loads((GOLDEN / f"{event_type}.json").read_bytes()))


def test_every_type_has_its_golden_and_no_other_file_is_there() -> None:
    assert sorted(fact.TYPE for fact in EXAMPLES) == sorted(FACTS)
    assert sorted(file.name for file in GOLDEN.iterdir()) == sorted(f"{event_type}.json" for event_type in FACTS)


@every_type
def test_what_is_published_is_the_golden(fact: Fact) -> None:
    assert event_about(fact).to_bytes().decode() == golden(fact.TYPE).decode()


@every_type
def test_the_golden_fills_every_field(fact: Fact) -> None:
    """A field that the golden leaves out could change unseen."""
    assert set(orjson.loads(golden(fact.TYPE)).get("data", {})) == set(type(fact).model_fields)


@every_type
def test_the_golden_is_read_back_as_the_fact(fact: Fact) -> None:
    event = Event.from_bytes(golden(fact.TYPE))
    assert fact_of(event) == fact
    assert event.to_bytes() == golden(fact.TYPE)


@every_type
def test_a_reader_ignores_what_it_does_not_know(fact: Fact) -> None:
    grown: dict[str, Any] = orjson.loads(golden(fact.TYPE))
    grown["invented"] = "later"
    grown["data"] = {**grown.get("data", {}), "invented": {"later": 1}}
    assert fact_of(Event.from_bytes(orjson.dumps(grown))) == fact


@every_type
def test_the_cloudevents_sdk_reads_the_golden(fact: Fact) -> None:
    raw = orjson.loads(golden(fact.TYPE))
    headers = {"content-type": CONTENT_TYPE.encode()}
    event = from_kafka_event(KafkaMessage(headers, raw["subject"], golden(fact.TYPE)))
    assert event.get_type() == fact.TYPE
    assert event.get_data() == raw.get("data")
    assert event.get_time() == datetime.fromisoformat(raw["time"])
    assert JSONFormat().write(event)


@every_type
def test_attributes_keep_to_the_cloudevents_rules(fact: Fact) -> None:
    raw = orjson.loads(golden(fact.TYPE))
    attributes = {name: value for name, value in raw.items() if name != "data"}
    assert [name for name in attributes if not re.fullmatch("[a-z0-9]{1,20}", name)] == []
    for name, value in attributes.items():
        assert isinstance(value, str | int), name
        assert value != "", name
        assert isinstance(value, str) or 1 <= value <= MAX_VERSION, name
    assert {"specversion", "id", "source", "type", "subject", "time", "recordedtime", "streamversion"} <= set(
        attributes
    )
    assert raw["partitionkey"] == raw["subject"]


@every_type
def test_binary_mode_as_the_sdk_writes_it_is_understood(fact: Fact) -> None:
    structured = golden(fact.TYPE)
    message = to_binary_event(from_kafka_event(KafkaMessage({}, None, structured)))
    event = Event.from_bytes(message.value, list(message.headers.items()))
    assert event == Event.from_bytes(structured)
