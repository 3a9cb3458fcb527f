"""Every error is a problem document that says what is wrong and repeats nothing of what was sent."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from shared.http.faults import UNKNOWN_FIELD
from shared.http.problems import MEDIA_TYPE
from tests.shared.http.asking import JSON, MARKER, send
from tests.world import Pulang

CASES = "/intake/cases"
CASE = f"{CASES}/0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"


@dataclass(frozen=True)
class Wrong:
    """A request, and the status it must have."""

    status: int
    method: str = "POST"
    path: str = CASES
    content: Any = b"{}"
    headers: dict[str, str] = field(default_factory=lambda: JSON)


async def _parts() -> AsyncIterator[bytes]:
    for _ in range(17):
        yield b" " * 2**20


def row(text: bytes) -> bytes:
    head = b'{"id":"0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10","arrival_point":"TNJ","arrival_date":"2026-11-03","rows":['
    return head + text + b"]}"


WRONG = {
    "no such route": Wrong(404, "GET", f"/intake/{MARKER}"),
    "no such case": Wrong(404, "GET", CASE),
    "no such method": Wrong(405, "DELETE", CASES),
    "method on an item": Wrong(405, "PATCH", CASE),
    "too large, and it says so": Wrong(413, content=b'"' + b"x" * (17 * 2**20) + b'"'),
    "too large, without saying so": Wrong(413, content=_parts),
    "plain text": Wrong(415, content=b'{"name":"x"}', headers={"content-type": "text/plain"}),
    "a form": Wrong(415, content=b"name=x", headers={"content-type": "application/x-www-form-urlencoded"}),
    "no content type": Wrong(415, content=b'{"name":"x"}', headers={}),
    "no body": Wrong(422, content=b""),
    "half a body": Wrong(422, content=b'{"name": ' + MARKER.encode()),
    "another type": Wrong(422, content=b'["' + MARKER.encode() + b'"]'),
    "not a number": Wrong(422, content=b'{"name": NaN, "sex": -Infinity}'),
    "deep": Wrong(422, content=b"[" * 100_000 + b"]" * 100_000),
    "fairly deep": Wrong(422, content=b'{"name":' * 900 + b"1" + b"}" * 900),
    "a huge number": Wrong(400, content=b'{"name":' + b"9" * 5000 + b"}"),
    "a large number": Wrong(422, content=b'{"name":' + b"9" * 4000 + b"}"),
    "not UTF-8": Wrong(400, content=b'{"name":"\xff\xfe"}'),
    "UTF-16": Wrong(400, content=f'{{"name":"{MARKER}"}}'.encode("utf-16")),
    "a lone surrogate": Wrong(422, content=b'{"name":"\\ud800"}'),
    "a lone surrogate as a field": Wrong(422, content=b'{"\\ud800":"\\udfff"}'),
    "NUL": Wrong(422, content=b'{"name":"' + MARKER.encode() + b'\\u0000"}'),
    "an unknown field": Wrong(422, content=b'{"nama":"' + MARKER.encode() + b'"}'),
    "a path that is no id": Wrong(422, "GET", f"{CASES}/{MARKER}"),
    "NUL in the path": Wrong(422, "GET", f"{CASES}/%00"),
    "no UTF-8 in the path": Wrong(422, "GET", f"{CASES}/%ff%fe"),
    "a query that is no id": Wrong(422, "GET", f"{CASES}?manifest={MARKER}"),
    "a query out of bounds": Wrong(422, "GET", f"{CASES}?limit=99999999999999999999999999"),
    "a query that is NUL": Wrong(422, "GET", f"{CASES}?facility=%00"),
    "a cursor of one's own": Wrong(422, "GET", f"{CASES}?after={MARKER}"),
    "a cursor beyond ASCII": Wrong(422, "GET", f"{CASES}?after=%C3%A9%C3%A9"),
}


async def test_every_error_is_a_problem_document(pulang: Pulang) -> None:
    user = pulang.officer()
    for name, wrong in WRONG.items():
        content = wrong.content() if callable(wrong.content) else wrong.content
        answer = await send(user, wrong.method, wrong.path, content, wrong.headers)
        problem = _problem(name, answer, wrong.status)
        if wrong.status == 422:
            assert problem["errors"], name
    assert (await send(user, "DELETE", CASES, b"", {})).headers["allow"] in ("GET", "POST", "GET, POST", "POST, GET")


ROWS = {
    "surrogate": b'{"row_key":"1","name":"\\ud800"}',
    "surrogate field": b'{"\\ud800":1}',
    "surrogate key": b'{"row_key":"\\udc00","name":"x"}',
    "NaN": b'{"row_key":"3","name":NaN}',
    "infinity": b'{"row_key":"4","name":1e999}',
    "large number": b'{"row_key":"5","name":' + b"9" * 4000 + b"}",
    "deep": b'{"row_key":"6","name":' + b"[" * 12 + b"]" * 12 + b"}",
    "NUL": b'{"row_key":"7","name":"a\\u0000"}',
    "NUL key": b'{"row_key":"\\u0000"}',
    "no key": b"{}",
}


@pytest.mark.parametrize("name", ROWS)
async def test_a_broken_row_is_answered_as_a_row(pulang: Pulang, name: str) -> None:
    await pulang.open_post()
    good = b'{"row_key":"good","name":"Contoh Nama","sex":"F","birth_date":"1990-05-17"}'
    answer = await send(pulang.officer(), "POST", "/intake/manifests", row(good + b"," + ROWS[name]))

    assert answer.status_code == 201, answer.text
    assert [one["status"] for one in answer.json()["rows"]] == ["registered", "unreadable"]
    assert answer.json()["rows"][1]["errors"]


async def test_who_is_refused_learns_why_and_nothing_else(pulang: Pulang) -> None:
    for authorization in ("", "Bearer", f"Bearer {MARKER}", "Basic eDp5", f"Bearer {'x' * 9000}", "Bearer é"):
        answer = await pulang.client.get(CASES, headers={b"Authorization": authorization.encode()})
        _problem(authorization, answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    _problem("another role", await pulang.reader("iom").get(CASES), 403)


async def test_a_pointer_leads_to_what_is_wrong(pulang: Pulang) -> None:
    content = b'{"name":"x","sex":"X","document":{"type":"visa","a/b~c":1}}'
    answer = await send(pulang.officer(), "POST", CASES, content)

    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert pointers == {"#/sex", "#/document/type", "#/document", "#/arrival_point", "#/arrival_date"}


async def test_a_field_that_is_not_known_is_told_without_its_name(pulang: Pulang) -> None:
    """Where a table was read without its heading, that is a person's name."""
    content = b'{"name":"x","sex":"F","sutinizulaikha":1,"sutiniZulaikha":{"a":1},"document":{"sutini":"x"}}'
    answer = await send(pulang.officer(), "POST", CASES, content)
    assert "sutini" not in answer.text.lower()
    told = [(e["pointer"], e["detail"]) for e in answer.json()["errors"] if e["detail"] == UNKNOWN_FIELD]
    assert sorted(told) == [("#", UNKNOWN_FIELD), ("#", UNKNOWN_FIELD), ("#/document", UNKNOWN_FIELD)]
    for fields in ({"sutinizulaikha": [1]}, {"pulang.case.registered.v1": ["sutini"]}, {"Sutini": 1}):
        policy = {"name": "LSM", "kind": "ngo", "withheld_fields": fields}
        answer = await pulang.administrator.put("/exchange/agencies/lsm", policy)
        assert {error["pointer"] for error in answer.json()["errors"]} == {"#/withheld_fields"}, answer.text
        assert "sutini" not in answer.text.lower()


async def test_a_put_without_its_precondition(pulang: Pulang) -> None:
    await pulang.open_post()
    body = {"name": "Pos", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    path = "/intake/arrival-points/TNJ"
    tag = (await pulang.administrator.get("/intake/places/TNJ")).headers["etag"]

    _problem("none", await pulang.administrator.put(path, body), 428)
    for other in ('"99"', f"W/{tag}", MARKER, tag.strip('"')):
        _problem(other, await pulang.administrator.put(path, body, headers={"If-Match": other}), 412)
    changed = await pulang.administrator.put(path, body, headers={"If-Match": f'"98", {tag}'})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    _problem("twice", await pulang.administrator.put(path, body, headers={"If-Match": tag}), 412)


def _problem(name: str, answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, f"{name}: {answer.status_code} {answer.text}"
    assert answer.headers["content-type"] == MEDIA_TYPE, name
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status, name
    assert problem["type"], name
    assert problem["title"], name
    assert MARKER not in answer.text, name
    assert MARKER not in str(answer.headers), name
    return problem
