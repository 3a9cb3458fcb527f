"""Requests of the matrix: sent, with something of another's in them, or with fields that nobody asked for."""

import copy
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import httpx

from shared.http.bodies import ID_PATTERN
from tests.access.matrix.row import Ask
from tests.access.prepared import Caller, new_id

PLACE_PATTERN, AGENCY_PATTERN = r"^[A-Z0-9][A-Z0-9-]{1,39}$", r"^[a-z0-9]{1,32}$"
PATTERNS = {ID_PATTERN, PLACE_PATTERN, AGENCY_PATTERN}
NAMES = re.compile(r"(.*_)?(id|ids|case|cases|facility|store|agency|place|manifest|endpoint|message|subscription)s?")


async def send(caller: Caller, route: str, ask: Ask) -> httpx.Response:
    method, _, template = route.partition(" ")
    path = re.sub(r"\{(\w+)(:path)?\}", lambda found: quote(ask.path[found[1]], safe=""), template)
    options: dict[str, Any] = {"params": dict(ask.query), "headers": dict(ask.headers)}
    if ask.body is not None:
        options["json"] = ask.body
    return await caller.user._send(method, path, **options)


def at(ask: Ask, pointer: str) -> str:
    """What stands at `path.case_id` or `body.people.case_id`: of a list, in its first member."""
    place, _, name = pointer.partition(".")
    if place != "body":
        found: str = getattr(ask, place)[name]
        return found
    value = ask.body
    for step in name.split("."):
        value = value[step]
        value = value[0] if isinstance(value, list) else value
    return str(value)


def with_other(ask: Ask, pointer: str, value: str) -> Ask:
    """The request with something else there."""
    place, _, name = pointer.partition(".")
    if place != "body":
        return replace(ask, **{place: {**getattr(ask, place), name: value}})
    body = copy.deepcopy(ask.body)
    *steps, last = name.split(".")
    inner = body
    for step in steps:
        inner = inner[step]
        inner = inner[0] if isinstance(inner, list) else inner
    inner[last] = [value] if isinstance(inner[last], list) else value
    return replace(ask, body=body)


def nothing_like(value: str) -> str:
    """The same kind of name, of nothing that there is."""
    return new_id() if re.fullmatch(ID_PATTERN, value) else "NOWHERE" if value.isupper() or "-" in value else "nobody"


def objects_named(document: dict[str, Any], described: dict[str, Any]) -> set[str]:
    """Every parameter of an operation that names something: each of the path, and what looks like an id or a code."""
    named = set()
    for parameter in described.get("parameters", ()):
        if parameter["in"] == "path":
            named.add(f"path.{parameter['name']}")
        elif parameter["in"] == "query" and _names(parameter["name"], parameter["schema"]):
            named.add(f"query.{parameter['name']}")
    for pointer, _, properties in objects_of(document, described):
        named |= {f"{pointer}.{name}" for name, schema in properties.items() if _names(name, schema)}
    return named


def objects_of(
    document: dict[str, Any], described: dict[str, Any]
) -> Iterator[tuple[str, bool, dict[str, dict[str, Any]]]]:
    """Each object of a request body: where it is, whether it is open to any field, and its fields."""
    content = described.get("requestBody", {}).get("content", {})
    if "application/json" in content:
        yield from _objects(document, "body", content["application/json"]["schema"])


def _objects(
    document: dict[str, Any], pointer: str, schema: dict[str, Any]
) -> Iterator[tuple[str, bool, dict[str, dict[str, Any]]]]:
    for one in _forms(document, schema):
        if "properties" in one or one.get("type") == "object":
            properties = {name: _whole(document, inner) for name, inner in one.get("properties", {}).items()}
            yield pointer, one.get("additionalProperties") is not False, properties
            for name, inner in properties.items():
                yield from _objects(document, f"{pointer}.{name}", inner)


def _forms(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The schema behind references, in each of its alternatives, and what a list of it holds."""
    whole = _whole(document, schema)
    if "anyOf" in whole or "oneOf" in whole:
        return [form for one in whole.get("anyOf", whole.get("oneOf")) for form in _forms(document, one)]
    if whole.get("type") == "array":
        return _forms(document, whole.get("items", {}))
    return [whole]


def _whole(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found


def _names(name: str, schema: dict[str, Any]) -> bool:
    forms = [schema, *schema.get("anyOf", ())]
    forms += [one.get("items", {}) for one in forms]
    return NAMES.fullmatch(name) is not None or any(one.get("pattern") in PATTERNS for one in forms)
