"""Errors as `application/problem+json` (RFC 9457). Every error class knows its status, title and type."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.database.protocol import DatabaseUnavailable
from shared.http.faults import Fault, faults_of
from shared.http.headers import PROTECTING
from shared.outbox.record import StateBehind
from shared.security.keys import KeyDestroyed
from shared.security.tokens import IssuerUnavailable

MEDIA_TYPE = "application/problem+json"
log = structlog.get_logger()


class Problem(Exception):
    """The request cannot be met."""

    status: ClassVar[int] = 400
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self,
        detail: str | None = None,
        *,
        pointer: str | None = None,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        """`detail` says what is wrong here; it never repeats a value that could be personal. `headers`: more."""
        super().__init__(detail or self.title())
        self.detail = detail
        self.errors = list(errors) or ([Fault(detail or self.title(), pointer)] if pointer else [])
        self.more = more
        self.sent: Mapping[str, str] = {**self.headers, **(headers or {})}

    @classmethod
    def title(cls) -> str:
        """The docstring's first line."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def type(cls) -> str:
        """`/problems/bed-taken` for `BedTaken`."""
        return "/problems/" + "".join(f"-{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("-")

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"type": self.type(), "title": self.title(), "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [error.to_json() for error in self.errors]
        return body | self.more


class NotAuthenticated(Problem):
    """A valid bearer token is needed."""

    status = 401
    headers: ClassVar[Mapping[str, str]] = {"WWW-Authenticate": 'Bearer realm="pulang"'}


class NotAllowed(Problem):
    """The token's roles do not permit this."""

    status = 403


class AgencyHasLeft(NotAllowed):
    """The agency of this token has left the exchange."""


class NotFound(Problem):
    """There is no such thing here, or it lies outside what the token may see."""

    status = 404


class Gone(Problem):
    """What was here is gone for good."""

    status = 410


class PersonErased(Gone):
    """The person was erased: nothing of theirs can be read, and nothing can be written about them any more."""


class Conflict(Problem):
    """The present state does not allow this."""

    status = 409


class Invalid(Problem):
    """The request says something that cannot be."""

    status = 422


class Unreadable(Problem):
    """The body cannot be read as JSON in UTF-8."""


class TooLarge(Problem):
    """The body is larger than this route takes: send it in parts."""

    status = 413


class NotJson(Problem):
    """The body must be JSON, sent as application/json."""

    status = 415


class ReadOnly(Problem):
    """After a restore this is older than its events: it is read-only until an officer has entered the rest again."""

    status = 423


class Unavailable(Problem):
    """The database cannot take this now; try again."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "2"}


class IssuerAway(Problem):
    """The issuer of tokens does not answer, so that no token can be checked; try again."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry-After": "2"}


def answer(problem: Problem) -> Response:
    return _answer(problem.status, problem.to_json(), problem.sent)


def raises(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: what it raises besides 401, 403 and 422."""
    told: dict[int | str, dict[str, Any]] = {}
    declared: list[type[Problem]] = [NotAuthenticated, NotAllowed, Invalid, *problems]
    for problem in declared:
        example = {"type": problem.type(), "title": problem.title(), "status": problem.status}
        entry = told.setdefault(
            problem.status,
            {"description": problem.title(), "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA, "examples": {}}}},
        )
        entry["content"][MEDIA_TYPE]["examples"][problem.__name__] = {"value": example}
    return told


PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {"detail": {"type": "string"}, "pointer": {"type": "string"}},
            },
        },
    },
}


def _answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(_json(body), status, headers=dict(headers), media_type=MEDIA_TYPE)


def _json(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # a lone surrogate from the request's own field names
        return orjson.dumps(_printable(body))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


_FRAMEWORK_SAYS: Mapping[int, type[Problem]] = {400: Unreadable, 413: TooLarge}
"""What FastAPI raises by number alone."""


def _says_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def install(app: FastAPI) -> None:
    """Every error of the app becomes a problem document."""

    async def ours(request: Request, error: Exception) -> Response:
        return answer(error) if isinstance(error, Problem) else await unforeseen(request, error)

    async def malformed(request: Request, error: Exception) -> Response:
        errors = error.errors() if isinstance(error, RequestValidationError) else []
        if not _says_json(request) and any(one["loc"] == ("body",) and one["type"] != "missing" for one in errors):
            return answer(NotJson())
        return answer(Invalid(errors=faults_of(errors)))

    async def framework(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        if status in _FRAMEWORK_SAYS:
            return answer(_FRAMEWORK_SAYS[status]())
        headers = (error.headers if isinstance(error, HTTPException) else None) or {}
        return _answer(status, {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}, headers)

    async def database_gone(request: Request, error: Exception) -> Response:
        log.warning("database unavailable", because=str(error))
        return answer(Unavailable())

    async def state_behind(request: Request, error: Exception) -> Response:
        return answer(ReadOnly(subjects=error.subjects if isinstance(error, StateBehind) else []))

    async def key_destroyed(request: Request, error: Exception) -> Response:
        return answer(PersonErased())

    async def issuer_gone(request: Request, error: Exception) -> Response:
        return answer(IssuerAway())

    async def unforeseen(request: Request, error: Exception) -> Response:
        # Made outside of the edge, which would have protected it.
        headers = {name.decode(): value.decode() for name, value in PROTECTING}
        return _answer(500, {"type": "about:blank", "title": "Internal Server Error", "status": 500}, headers)

    app.add_exception_handler(Problem, ours)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(DatabaseUnavailable, database_gone)
    app.add_exception_handler(IssuerUnavailable, issuer_gone)
    app.add_exception_handler(StateBehind, state_behind)
    app.add_exception_handler(KeyDestroyed, key_destroyed)
    app.add_exception_handler(Exception, unforeseen)
