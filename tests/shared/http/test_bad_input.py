"""Whatever stands in whichever field of whichever operation: never a 5xx, never repeated."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from shared.http.problems import MEDIA_TYPE
from tests.access.walking import Walked, holder, walk
from tests.shared.http.asking import MARKER, send
from tests.world import Pulang

NASTY: list[Any] = [
    None,
    -1,
    10**30,
    "",
    "\x00",
    "\ud800",
    MARKER,
    "9999-12-31",
    "x" * 30_000,
    {},
    [[[[MARKER]]]],
    {"\udc00": MARKER},
]


def spoilt(example: Any) -> Iterator[Any]:
    """The example with one value at a time replaced, left out, or joined by an unknown field."""
    for place in _places(example):
        for value in NASTY:
            yield _with(example, place, value)
    if isinstance(example, dict):
        for name in example:
            yield {key: value for key, value in example.items() if key != name}
        yield example | {"unknown": MARKER}
        yield example | {"\ud800": MARKER}


def _places(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield here
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _places(inner, (*here, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _places(inner, (*here, number))


def _with(example: Any, place: tuple[str | int, ...], value: Any) -> Any:
    if not place:
        return value
    changed = copy.deepcopy(example)
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return changed


def example_of(document: dict[str, Any], operation: Walked) -> Any:
    assert operation.described is not None
    schema = operation.described["requestBody"]["content"]["application/json"]["schema"]
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return schema["examples"][0]


async def test_no_body_brings_a_server_error(pulang: Pulang) -> None:
    app = pulang.client._transport.app  # type: ignore[attr-defined]
    document = app.openapi()
    await pulang.open_post()
    sent = 0
    for operation in walk(app):
        if operation.described is None or "requestBody" not in operation.described:
            continue
        (permission,) = operation.permissions
        user = holder(pulang, permission)
        for body in spoilt(example_of(document, operation)):
            answer = await send(user, operation.method, operation.path, json.dumps(body).encode())
            sent += 1
            assert answer.status_code < 500, f"{operation} {body!r:.300}"
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == MEDIA_TYPE, operation
                assert MARKER not in answer.text, f"{operation} {body!r:.300} {answer.text}"
    assert sent > 500


ENDLESS = "/exchange/stream"
"""It takes the feed's parameters, and its good answers go on for ever."""


async def test_no_query_or_path_brings_a_server_error(pulang: Pulang) -> None:
    app = pulang.client._transport.app  # type: ignore[attr-defined]
    values = ["", "%00", "%ff", MARKER, "-1", "9" * 400, "0001-01-01", "9999-12-31", "%F0%9F%8F%A0", "..%2F..", "1e999"]
    for operation in walk(app):
        if operation.method != "GET" or operation.described is None or operation.template == ENDLESS:
            continue
        (permission,) = operation.permissions
        user = holder(pulang, permission)
        parameters = operation.described.get("parameters", [])
        queries = [one["name"] for one in parameters if one["in"] == "query" and one["name"] != "wait"]
        required = {one["name"]: "2020-01-01" for one in parameters if one["in"] == "query" and one["required"]}
        for value in values:
            paths = [
                operation.template.replace("{", "").replace("}", "").replace(name, value) for name in _names(operation)
            ]
            for name in queries:
                others = "".join(f"&{other}={given}" for other, given in required.items() if other != name)
                paths.append(f"{operation.path}?{name}={value}{others}")
            for path in paths:
                answer = await user.get(path)
                assert answer.status_code < 500, f"{operation} {path}"
                if answer.status_code >= 400:
                    assert answer.headers["content-type"] == MEDIA_TYPE, path
                    assert MARKER not in answer.text, path


def _names(operation: Walked) -> list[str]:
    return [part[1:-1] for part in operation.template.split("/") if part.startswith("{")]
