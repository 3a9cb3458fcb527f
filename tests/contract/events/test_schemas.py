"""The published JSON Schemas: they only grow, and they are what the services keep to."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from shared.events.catalogue import FACTS
from shared.events.documents import schema_document, write_schemas
from shared.events.envelope import schema_uri
from shared.events.fact import Fact, Mark
from shared.events.intake import CaseScreened, ConsentChanged, ReferralMade
from tests.contract.events.compatibility import breaks
from tests.contract.events.facts import EXAMPLES, event_about

PUBLISHED = Path(__file__).parents[3] / "docs" / "schemas"
every_type = pytest.mark.parametrize("fact", FACTS.values(), ids=FACTS.keys())


def published(event_type: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PUBLISHED / f"{event_type}.json").read_bytes())
    return found


@every_type
def test_the_schema_only_grew(fact: type[Fact]) -> None:
    if not (PUBLISHED / f"{fact.TYPE}.json").exists():
        pytest.fail("a new type is not published yet: run `.venv/bin/pulang schemas docs/schemas`")
    broken = breaks(published(fact.TYPE), schema_document(fact))
    assert broken == [], "inside v1 a schema only grows by optional fields: leave v1 as it is, publish a v2 beside it"


@every_type
def test_the_published_schema_is_up_to_date(fact: type[Fact]) -> None:
    assert published(fact.TYPE) == schema_document(fact), "run `.venv/bin/pulang schemas docs/schemas`"


def test_no_type_was_taken_back() -> None:
    taken_back = {file.stem for file in PUBLISHED.glob("*.json")} - set(FACTS)
    assert taken_back == set(), "a published type stays"


def test_writing_gives_the_published_files(tmp_path: Path) -> None:
    assert write_schemas(tmp_path / "new" / "folder") == len(FACTS)
    written = {file.name: file.read_text() for file in (tmp_path / "new" / "folder").iterdir()}
    assert written == {file.name: file.read_text() for file in PUBLISHED.iterdir()}


@every_type
def test_the_schema_is_valid_and_stands_alone(fact: type[Fact]) -> None:
    schema = schema_document(fact)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == schema_uri(fact.TYPE)
    assert schema["description"], "the class has no docstring"
    assert [ref for ref in references(schema) if ref.removeprefix("#/$defs/") not in schema["$defs"]] == []


@pytest.mark.parametrize("fact", EXAMPLES, ids=lambda fact: fact.TYPE)
def test_what_is_published_is_valid_and_less_is_not(fact: Fact) -> None:
    event = json.loads(event_about(fact).to_bytes())
    data = event.get("data", {})
    schema = schema_document(type(fact))
    if data:
        assert event["dataschema"] == schema["$id"]
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(data)
    for name in schema.get("required", ()):
        assert not validator.is_valid({key: value for key, value in data.items() if key != name})


def test_fields_bring_their_docstrings_and_how_far_they_travel() -> None:
    assert schema_document(ReferralMade)["properties"]["service"]["description"] == "HTCDS service type."
    assert schema_document(ReferralMade)["properties"]["facility"]["x-travels"] == Mark.PLACE.value
    assert schema_document(CaseScreened)["properties"]["needs"]["x-travels"] == Mark.INTERNAL.value
    decision = schema_document(ConsentChanged)["$defs"]["ConsentDecision"]
    assert "First day" in decision["properties"]["expires_on"]["description"]


def references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [ref for inner in schema.values() for ref in references(inner)]
    return [ref for inner in schema for ref in references(inner)] if isinstance(schema, list) else []
