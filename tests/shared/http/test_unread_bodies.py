"""A body is read from whoever was let in, as far as the route needs, and to a depth that a route can have."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.http.limits import BODY_BYTES
from shared.http.nesting import DEEPEST, MOST_VALUES
from shared.security.tokens import DevelopmentIssuer
from tests.access.walking import Walked, holder, walk
from tests.shared.http.asking import MARKER, send
from tests.shared.http.test_bad_input import example_of
from tests.world import Pulang, User


def app_of(pulang: Pulang) -> Any:
    return pulang.client._transport.app  # type: ignore[attr-defined]


def with_bodies(pulang: Pulang) -> Iterator[Walked]:
    for operation in walk(app_of(pulang)):
        if operation.described is not None and "requestBody" in operation.described:
            yield operation


async def parts_taken(
    pulang: Pulang, operation: Walked, authorization: str | None, *, goes: bool = False
) -> tuple[int, int]:
    """The answer's status, and how many parts of an endless body the app asked for."""
    taken, status = 0, 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        if goes:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": b"[" * 1000, "more_body": True}

    async def send_away(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"99" if goes else b"99999999")]
    headers.append((b"idempotency-key", b"goes"))
    if authorization is not None:
        headers.append((b"authorization", authorization.encode()))
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": operation.method}
    scope |= {"path": operation.path, "raw_path": operation.path.encode(), "query_string": b"", "root_path": ""}
    scope |= {"scheme": "http", "headers": headers, "client": ("192.0.2.1", 1), "server": ("pulang.test", 80)}
    await app_of(pulang)(scope, receive, send_away)
    return status, taken


async def test_of_who_is_not_let_in_no_byte_is_read(pulang: Pulang) -> None:
    issuer, seen = DevelopmentIssuer(pulang.settings.keys), 0
    good = issuer.issue("kemensos", "administrator")
    head, claims, signature = good.split(".")
    expired = issuer.issue("kemensos", "administrator", lifetime=timedelta(hours=-1))
    strangers = [None, "", "Basic x", "Bearer", f"Bearer {head}.{claims}.{signature[::-1]}", f"Bearer {expired}"]
    for operation in with_bodies(pulang):
        for authorization in strangers:
            assert await parts_taken(pulang, operation, authorization) == (401, 0), f"{operation} {authorization}"
        (permission,) = operation.permissions
        lacks = holder(pulang, permission, lacking=True)._headers["Authorization"]
        assert await parts_taken(pulang, operation, lacks) == (403, 0), operation
        # What is announced as too large is not begun, either.
        holds = holder(pulang, permission)._headers["Authorization"]
        assert await parts_taken(pulang, operation, holds) == (413, 0), operation
        seen += 1
    assert seen > 40


def _whole(example: Any, schema: dict[str, Any], components: dict[str, Any]) -> Any:
    """The example with as much in it as its schema allows: full lists, and notes to the last character."""
    while "$ref" in schema:
        schema = components[schema["$ref"].rsplit("/", 1)[1]]
    for one in schema.get("anyOf", []):
        if one.get("type") != "null":
            return _whole(example, one, components)
    if isinstance(example, list) and example:
        most = schema.get("maxItems", 1)
        return [_whole(example[0], schema.get("items", {}), components)] * most
    if isinstance(example, dict):
        known = schema.get("properties", {})
        full = {name: _whole(value, known.get(name, {}), components) for name, value in example.items()}
        return full | ({"note": "\u20ac" * 20_000} if "note" in known else {})
    return example


async def test_what_a_route_describes_is_not_too_large_for_it(pulang: Pulang) -> None:
    document, largest = app_of(pulang).openapi(), dict[str, int]()
    components = document["components"]["schemas"]
    for operation in with_bodies(pulang):
        assert operation.described is not None
        schema = operation.described["requestBody"]["content"]["application/json"]["schema"]
        # Indented, as some clients write it; not as ASCII.
        whole = _whole(example_of(document, operation), schema, components)
        body = json.dumps(whole, indent=2, ensure_ascii=False).encode()
        largest[str(operation)] = len(body)
        (permission,) = operation.permissions
        answer = await send(holder(pulang, permission), operation.method, operation.path, body)
        assert answer.status_code != 413, f"{operation}: {len(body)} bytes"
    assert sum(size > BODY_BYTES // 4 for size in largest.values()) > 3, largest


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
async def test_a_body_is_so_deep_and_no_deeper(pulang: Pulang, opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"

    async def said(user: User, body: bytes) -> tuple[int, str]:
        answer = await send(user, "POST", "/intake/cases", body)
        assert MARKER not in answer.text
        return answer.status_code, answer.json()["type"]

    def nested(depth: int) -> bytes:
        return opening * (depth - 1) + b'["' + MARKER.encode() + b'"]' + closing * (depth - 1)

    user = pulang.officer()
    assert await said(user, nested(DEEPEST)) == (422, "/problems/invalid")
    assert await said(user, nested(DEEPEST + 1)) == (422, "/problems/too-deep")
    assert await said(user, nested(30_000)) == (422, "/problems/too-deep")
    # Brackets within a text are none, also behind a quote that is escaped.
    text = json.dumps({"name": '"' + "[" * 40 + "]" * 40 + "{" * 40}).encode()
    assert await said(user, text) == (422, "/problems/invalid")
    # What never closes is no JSON.
    assert (await said(user, opening * 100))[1] in ("/problems/invalid", "/problems/unreadable")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_nobody_passes_it_in_another_encoding(pulang: Pulang, encoding: str) -> None:
    for body in ("[" * 1000 + "]" * 1000, "[" + "0," * (2 * MOST_VALUES) + "0]"):
        answer = await send(pulang.officer(), "POST", "/intake/manifests", body.encode(encoding))
        assert answer.json()["type"] == "/problems/unreadable"


async def test_who_goes_before_a_body_is_whole_is_no_error_of_ours(pulang: Pulang) -> None:
    seen = 0
    for operation in walk(app_of(pulang)):
        if operation.method != "POST" or operation.described is None or "requestBody" in operation.described:
            continue
        (permission,) = operation.permissions
        authorization = holder(pulang, permission)._headers["Authorization"]
        status, _ = await parts_taken(pulang, operation, authorization, goes=True)
        assert status < 500, operation
        seen += status == 400
    assert seen > 4


async def test_a_body_has_so_many_values_and_no_more(pulang: Pulang) -> None:
    async def said(body: bytes) -> str:
        answer = await send(pulang.officer(), "POST", "/intake/manifests", body)
        assert answer.status_code == 422
        return str(answer.json()["type"])

    assert await said(b'{"rows":[' + b"0," * (MOST_VALUES - 1) + b"0]}") == "/problems/invalid"
    assert await said(b'{"rows":[' + b"0," * MOST_VALUES + b"0]}") == "/problems/too-many-values"
    assert await said(b'{"rows":[' + b'"",' * (4 * MOST_VALUES) + b'""]}') == "/problems/too-many-values"
    assert await said(b'{"rows":["' + b"," * (2 * MOST_VALUES) + b'"]}') == "/problems/invalid"
