"""Around every request: its correlation id, what it may bring, the headers of its answer, one line in the log."""

import time
from collections.abc import Mapping

import structlog
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http import problems
from shared.http.door import correlation_id
from shared.http.headers import hardened
from shared.http.limits import Limiter, TooManyRequests, body_bytes_of
from shared.metrics.requests import Requests
from shared.telemetry import frames_of
from shared.telemetry.spans import Tracer, accepted, end_request, method_of, traceparent_of

NO_ROUTE = "(none)"
"""Stands for every path that matches no route."""
NOT_COUNTED = frozenset({"/livez", "/readyz", "/metrics"})
"""Whoever watches over a process must not be told that it asked too often."""

log = structlog.get_logger()


class Edge:
    """Outermost: gives each request its correlation id, limits its body, writes one log line without a query.

    What the line says is counted too; where traces are kept, it is a span.
    """

    def __init__(self, app: ASGIApp, requests: Requests, tracers: Mapping[str, Tracer], limiter: Limiter) -> None:
        """`tracers`: by the service whose name is the path's beginning."""
        self._app = app
        self._limiter = limiter
        self._requests = requests
        self._tracers = tracers
        self._templates: dict[int, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        correlation = correlation_id(_header(scope, b"x-correlation-id"))
        traceparent, span, unforeseen = accepted(_header(scope, b"traceparent")), None, None
        if self._tracers and (tracer := self._tracers.get(scope["path"][1:].partition("/")[0])) is not None:
            span = tracer.request(scope["method"], traceparent)
            traceparent = traceparent_of(span)
        state = scope.setdefault("state", {})
        state.update(correlation_id=correlation, traceparent=traceparent)
        began, status = time.perf_counter(), 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-correlation-id", correlation.encode())]
                if (standing := state.get("ratelimit")) is not None:
                    headers.append((b"ratelimit", standing.encode()))
                message["headers"] = hardened(headers)
            await send(message)

        try:
            if (too_many := self._stranger(scope)) is not None:
                await problems.answer(too_many)(scope, receive, marked)
            else:
                await self._app(scope, _limited(scope, receive), marked)
        except Exception as error:
            # The message and the values in the frames may be personal: only where it happened is written.
            unforeseen = type(error).__name__
            log.error("unforeseen", error=unforeseen, at=frames_of(error), correlationid=correlation)
            if status == 500:
                raise
        finally:
            route, seconds = self._template(scope), time.perf_counter() - began
            self._requests.count(scope["method"], route, status, seconds)
            if span is not None:
                end_request(span, scope["method"], route, status, unforeseen)
            log.info(
                "request",
                method=method_of(scope["method"]),
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                correlationid=correlation,
            )

    def _stranger(self, scope: Scope) -> TooManyRequests | None:
        """Who brings no token is counted here; who brings one is at the door, once it was looked at."""
        if scope["path"] in NOT_COUNTED or _header(scope, b"authorization")[:7].lower() == "bearer ":
            return None
        return self._limiter.turn_away(scope)

    def _template(self, scope: Scope) -> str:
        """The route as it is declared, with the prefixes of its routers; never the path, which can hold anything."""
        if not self._templates and "app" in scope:
            self._templates = {
                id(one.original_route): one.path or "" for one in iter_route_contexts(scope["app"].routes)
            }
        route = scope.get("route")
        return self._templates.get(id(route), NO_ROUTE)


def _header(scope: Scope, wanted: bytes) -> str:
    """Its value; empty where it is not there."""
    return next((value for name, value in scope["headers"] if name == wanted), b"").decode("latin-1")


def _announced_bytes(scope: Scope) -> int:
    given = _header(scope, b"content-length")
    return int(given) if given.isdigit() and len(given) < 20 else 0


def _limited(scope: Scope, receive: Receive) -> Receive:
    """Reads what the route takes and no more. A body may say its length, or not; its route is known by then."""
    received = 0

    async def next_part() -> Message:
        nonlocal received
        allowed = body_bytes_of(scope)
        if not received and _announced_bytes(scope) > allowed:
            raise HTTPException(problems.TooLarge.status)
        message = await receive()
        received += len(message.get("body", b""))
        if received > allowed:
            raise HTTPException(problems.TooLarge.status)
        return message

    return next_part
