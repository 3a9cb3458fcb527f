"""The checker finds every kind of break, and lets a schema grow."""

from typing import Any

import pytest

from tests.contract.events.compatibility import breaks

PUBLISHED: dict[str, Any] = {
    "type": "object",
    "$defs": {
        "Entry": {"type": "object", "properties": {"agency": {"type": "string"}}, "required": ["agency"]},
        "Need": {"type": "string", "enum": ["isolation", "ground_floor"]},
    },
    "properties": {
        "quantity": {"type": "integer", "minimum": 1, "maximum": 9},
        "item": {"type": "string", "pattern": "^[a-z]+$"},
        "on": {"type": "string", "format": "date"},
        "sex": {"type": "string", "enum": ["M", "F"]},
        "service": {"type": "string", "const": "SocialCare"},
        "layer": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        "needs": {"type": "array", "items": {"$ref": "#/$defs/Need"}},
        "entries": {"type": "array", "items": {"$ref": "#/$defs/Entry"}},
    },
    "required": ["quantity", "item"],
}


def today(**fields: dict[str, Any]) -> dict[str, Any]:
    return {**PUBLISHED, "properties": {**PUBLISHED["properties"], **fields}}


def redefined(**definitions: dict[str, Any]) -> dict[str, Any]:
    return {**PUBLISHED, "$defs": {**PUBLISHED["$defs"], **definitions}}


ENTRY = PUBLISHED["$defs"]["Entry"]
WITHOUT_ITEM = {name: field for name, field in PUBLISHED["properties"].items() if name != "item"}

BROKEN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "field removed": (
        {**PUBLISHED, "properties": WITHOUT_ITEM, "required": ["quantity"]},
        ["data.item: removed"],
    ),
    "field renamed": (
        {**PUBLISHED, "properties": {**WITHOUT_ITEM, "thing": {"type": "string"}}, "required": ["quantity", "thing"]},
        ["data.item: removed", "data.thing: newly required"],
    ),
    "old field newly required": ({**PUBLISHED, "required": ["quantity", "item", "on"]}, ["data.on: newly required"]),
    "required field made optional": ({**PUBLISHED, "required": ["item"]}, ["data.quantity: no longer always there"]),
    "another type": (today(on={"type": "integer", "format": "date"}), ["data.on: type string became integer"]),
    "type narrowed to no null": (
        today(layer={"type": "integer", "minimum": 1}),
        ["data.layer: may no longer be null"],
    ),
    "type widened by null": (
        today(quantity={"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}]}),
        ["data.quantity: may now be null"],
    ),
    "bound within a choice": (
        today(layer={"anyOf": [{"type": "integer", "minimum": 2}, {"type": "null"}]}),
        ["data.layer: minimum is narrower"],
    ),
    "minimum raised": (
        today(quantity={"type": "integer", "minimum": 2, "maximum": 9}),
        ["data.quantity: minimum is narrower"],
    ),
    "maximum lowered": (
        today(quantity={"type": "integer", "minimum": 1, "maximum": 8}),
        ["data.quantity: maximum is narrower"],
    ),
    "a bound that was not there": (
        today(needs={**PUBLISHED["properties"]["needs"], "minItems": 1}),
        ["data.needs: minItems is narrower"],
    ),
    "another pattern": (today(item={"type": "string", "pattern": "^[a-z]{9}$"}), ["data.item: pattern changed"]),
    "a format taken away": (today(on={"type": "string"}), ["data.on: format changed"]),
    "extra fields refused": ({**PUBLISHED, "additionalProperties": False}, ["data: additionalProperties changed"]),
    "code removed": (today(sex={"type": "string", "enum": ["F"]}), ["data.sex: code 'M' removed"]),
    "one code left": (today(sex={"type": "string", "const": "F"}), ["data.sex: code 'M' removed"]),
    "the only code replaced": (
        today(service={"type": "string", "const": "Health"}),
        ["data.service: code 'SocialCare' removed"],
    ),
    "free text becomes a code list": (
        today(item={"type": "string", "pattern": "^[a-z]+$", "enum": ["soap"]}),
        ["data.item: became a code list"],
    ),
    "a code list becomes free text": (today(sex={"type": "string"}), ["data.sex: is no longer a code list"]),
    "code of an element removed": (
        redefined(Need={"type": "string", "enum": ["isolation"]}),
        ["data.needs[]: code 'ground_floor' removed"],
    ),
    "field of an element newly required": (
        redefined(Entry={**ENTRY, "required": ["agency", "level"]}),
        ["data.entries[].level: newly required"],
    ),
    "elements of another kind": (
        today(needs={"type": "array", "items": {"type": "integer"}}),
        ["data.needs[]: type string became integer", "data.needs[]: is no longer a code list"],
    ),
    "another identity": ({**PUBLISHED, "$id": "urn:other"}, ["data: another $id"]),
}

GROWN: dict[str, dict[str, Any]] = {
    "nothing": PUBLISHED,
    "optional field": today(store={"type": "string"}),
    "optional field of an element": redefined(
        Entry={**ENTRY, "properties": {**ENTRY["properties"], "level": {"type": "string"}}}
    ),
    "code added": today(sex={"type": "string", "enum": ["M", "F", "X"]}),
    "code added to the only one": today(service={"type": "string", "enum": ["Health", "SocialCare"]}),
    "bounds loosened": today(quantity={"type": "integer", "minimum": 0}),
    "words": today(item={"type": "string", "pattern": "^[a-z]+$", "description": "What is handed over."}),
    "a definition renamed": {
        **today(needs={"type": "array", "items": {"$ref": "#/$defs/CodedNeed"}}),
        "$defs": {"Entry": ENTRY, "CodedNeed": PUBLISHED["$defs"]["Need"]},
    },
}


@pytest.mark.parametrize(("now", "found"), BROKEN.values(), ids=BROKEN.keys())
def test_a_break_is_found(now: dict[str, Any], found: list[str]) -> None:
    assert breaks(PUBLISHED, now) == found


@pytest.mark.parametrize("now", GROWN.values(), ids=GROWN.keys())
def test_growth_is_no_break(now: dict[str, Any]) -> None:
    assert breaks(PUBLISHED, now) == []
