"""The AsyncAPI document is valid, complete, and says what is really on the topics."""

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from sqlalchemy import create_engine, insert
from sqlalchemy.orm import Session

from shared.consuming.dead_letters import topic_of, untold
from shared.consuming.table import PARKED
from shared.events.catalogue import FACTS, PUBLISHERS, TOLD_TO_AGENCIES
from shared.events.documents import asyncapi_document
from shared.events.exchange import Withheld
from shared.events.fact import Fact
from tests.contract.events.facts import EXAMPLES, event_about

OFFICIAL = Path(__file__).parent / "asyncapi-3.0.0.schema.json"
every_type = pytest.mark.parametrize("fact", EXAMPLES, ids=lambda fact: fact.TYPE)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """As `pulang asyncapi` prints it."""
    printed: dict[str, Any] = json.loads(json.dumps(asyncapi_document()))
    return printed


def at(document: Any, pointer: str) -> Any:
    """What a reference within the document points to. Raises KeyError where nothing is there."""
    for step in pointer.removeprefix("#/").split("/"):
        document = document[step]
    return document


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [ref for inner in part.values() for ref in references(inner)]
    return [ref for inner in part for ref in references(inner)] if isinstance(part, list) else []


def payload_schema(document: dict[str, Any], message: str) -> Draft202012Validator:
    components = {"components": document["components"]}
    return Draft202012Validator({**components, **document["components"]["messages"][message]["payload"]})


def test_it_is_valid_asyncapi(document: dict[str, Any]) -> None:
    errors = Draft7Validator(json.loads(OFFICIAL.read_bytes())).iter_errors(document)
    assert [f"{error.json_path}: {error.message[:200]}" for error in errors] == []


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        ("#/operations/aid-sends-operations/action", "publish"),
        ("#/channels/lifecycle/address", 7),
        ("#/components/schemas/envelope/required", "id"),
        ("#/servers/kafka/host", None),
    ],
)
def test_the_official_schema_finds_faults(document: dict[str, Any], place: str, wrong: Any) -> None:
    spoilt = json.loads(json.dumps(document))
    parent, _, name = place.rpartition("/")
    at(spoilt, parent)[name] = wrong
    assert not Draft7Validator(json.loads(OFFICIAL.read_bytes())).is_valid(spoilt)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = references(document)
    assert len(found) > len(FACTS)
    for reference in found:
        assert reference.startswith("#/")
        assert at(document, reference), reference


def test_the_topics_are_those_of_the_design(document: dict[str, Any]) -> None:
    assert [channel["address"] for channel in document["channels"].values()] == [
        "pulang.lifecycle",
        "pulang.operations",
        "pulang.agency.{agency}",
        topic_of("{service}"),
    ]
    for channel in document["channels"].values():
        assert set(re.findall(r"\{(\w+)\}", channel["address"])) == set(channel.get("parameters", {}))


@every_type
def test_every_type_stands_in_the_channels_where_it_is_sent(document: dict[str, Any], fact: Fact) -> None:
    channels = {c["address"] for c in document["channels"].values() if fact.TYPE in c["messages"]}
    agencies = "pulang.agency.{agency}"
    told = {agencies} if fact.TYPE in TOLD_TO_AGENCIES else set()
    assert channels == (told if isinstance(fact, Withheld) else {fact.TOPIC} | told)


def test_every_service_sends_what_it_publishes(document: dict[str, Any]) -> None:
    for source, facts in PUBLISHERS.items():
        sent = set()
        for name, operation in document["operations"].items():
            if name.startswith(f"{source.removeprefix('/pulang/')}-sends-") and "messages" in operation:
                sent |= {ref["$ref"].rpartition("/")[2] for ref in operation["messages"]}
        assert sent == {fact.TYPE for fact in facts}


def test_every_service_follows_both_topics_and_tells_its_dead_letters(document: dict[str, Any]) -> None:
    operations = document["operations"]
    for service in ("intake", "shelter", "aid", "psychosocial", "exchange"):
        for channel in ("lifecycle", "operations"):
            assert operations[f"{service}-receives-{channel}"]["action"] == "receive"
        assert operations[f"{service}-sends-deadLetters"]["action"] == "send"
        assert service in document["channels"]["deadLetters"]["parameters"]["service"]["enum"]
    assert operations["exchange-sends-agency"]["channel"] == {"$ref": "#/channels/agency"}


@every_type
def test_a_message_describes_what_is_sent_and_no_other(document: dict[str, Any], fact: Fact) -> None:
    sent = json.loads(event_about(fact).to_bytes())
    validator = payload_schema(document, fact.TYPE)
    validator.validate(sent)
    others = [other for other in EXAMPLES if other.TYPE != fact.TYPE]
    assert [o.TYPE for o in others if validator.is_valid(json.loads(event_about(o).to_bytes()))] == []
    envelope = document["components"]["schemas"]["envelope"]
    assert set(sent) <= set(envelope["properties"])
    for name in envelope["required"]:
        assert not validator.is_valid({key: value for key, value in sent.items() if key != name})


@every_type
def test_a_message_is_described_by_its_docstring(document: dict[str, Any], fact: Fact) -> None:
    message = document["components"]["messages"][fact.TYPE]
    assert message["summary"]
    assert message["summary"] == message["description"].splitlines()[0]


def test_a_dead_letter_is_described_as_it_is_told(document: dict[str, Any]) -> None:
    engine = create_engine("sqlite://")
    PARKED.create(engine)
    with Session(engine) as session:
        session.execute(
            insert(PARKED).values(
                consumer="aid",
                key="0190f5a2",
                topic="pulang.lifecycle",
                payload=b"never told",
                binary_headers=b"{}",
                reason="gap",
                attempts=8,
                retry_at_ms=0,
                dead=True,
            )
        )
        ((_, _, notice),) = untold(session, "aid")
    engine.dispose()
    validator = payload_schema(document, "deadLetter")
    validator.validate(orjson.loads(notice))
    assert not validator.is_valid({**orjson.loads(notice), "payload": "never told"})
