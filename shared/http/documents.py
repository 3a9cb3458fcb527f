"""The OpenAPI document as it is true: what every operation may answer besides what its route declares.

A route declares what its command raises. That a token is one request too many, a body is too large or no JSON, a key
was used before, the database is away: these come from the door and the edge, and are told of every operation here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

from shared.http.idempotency import KeyMalformed, KeyUsedForAnotherRequest, RequestInFlight
from shared.http.limits import TooManyRequests
from shared.http.nesting import TooDeep, TooManyValues
from shared.http.problems import (
    MEDIA_TYPE,
    PROBLEM_SCHEMA,
    AgencyHasLeft,
    IssuerAway,
    NotJson,
    Problem,
    ReadOnly,
    TooLarge,
    Unavailable,
    Unreadable,
    raises,
)

OF_ALL: tuple[type[Problem], ...] = (AgencyHasLeft, TooManyRequests, Unavailable, IssuerAway)
OF_BODIES: tuple[type[Problem], ...] = (Unreadable, TooLarge, NotJson, TooDeep, TooManyValues)
OF_WRITING: tuple[type[Problem], ...] = (ReadOnly,)
OF_KEYS: tuple[type[Problem], ...] = (RequestInFlight, KeyUsedForAnotherRequest, KeyMalformed)
_REF = {"$ref": "#/components/schemas/Problem"}
_RETRY = {"description": "Seconds after which to ask again.", "schema": {"type": "string"}}
_WAITING = {
    "429": {
        "Retry-After": _RETRY,
        "RateLimit": {"description": "Requests left, and when.", "schema": {"type": "string"}},
        "RateLimit-Policy": {"description": "What is allowed.", "schema": {"type": "string"}},
    },
    "503": {"Retry-After": _RETRY},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body again get the first answer, for 24 hours.",
    "schema": {"type": "string", "pattern": r"^[!-~]{1,128}$"},
}


def tell_all(app: FastAPI) -> None:
    """From now on the app's document is completed."""
    plain: Callable[[], dict[str, Any]] = app.openapi

    def whole() -> dict[str, Any]:
        made = app.openapi_schema is None
        document = plain()
        if made:
            _complete(document)
        return document

    app.openapi = whole  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for methods in document["paths"].values():
        for method, operation in methods.items():
            if "security" in operation:
                _complete_one(method, operation)


def _complete_one(method: str, operation: dict[str, Any]) -> None:
    problems = OF_ALL
    if "requestBody" in operation:
        problems += OF_BODIES
    if method != "get":
        problems += OF_WRITING
    if method == "post":
        problems += OF_KEYS
        operation.setdefault("parameters", []).append(_KEY)
    answers = operation["responses"]
    for status, told in raises(*problems).items():
        known = answers.setdefault(str(status), told)
        if known is not told:
            content = known.setdefault("content", {}).setdefault(MEDIA_TYPE, {"examples": {}})
            content.setdefault("examples", {}).update(told["content"][MEDIA_TYPE]["examples"])
    for status, answer in answers.items():
        _refer(status, answer)
    operation["responses"] = dict(sorted(answers.items()))


def _refer(status: str, answer: dict[str, Any]) -> None:
    """To one schema of problems, and to the headers that come with the status."""
    content: Mapping[str, Any] = answer.get("content", {})
    if MEDIA_TYPE in content:
        content[MEDIA_TYPE]["schema"] = _REF
    if status in _WAITING:
        answer["headers"] = _WAITING[status]
