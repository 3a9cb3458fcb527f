"""A FastAPI app around one service or several: problems, correlation ids, access log, health."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence

import structlog
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.bus.protocol import Bus
from shared.http import problems
from shared.http.door import correlation_id
from shared.http.opening import Opening
from shared.http.operators import operator_routes
from shared.http.samples import sample
from shared.metrics import Metrics
from shared.metrics.requests import Requests
from shared.service import Companion, Service
from shared.telemetry import frames_of
from shared.telemetry.spans import Tracer, accepted, end_request, traceparent_of
from shared.telemetry.traces import traces_from_environment

MAX_BODY_BYTES = 16 * 1024 * 1024
WATCH_SECONDS = 1.0
NO_ROUTE = "(none)"
"""Stands for every path that matches no route."""

log = structlog.get_logger()


def app_of(
    title: str, services: Sequence[Service], bus: Bus, *, patient: bool = False, parts: Sequence[Companion] = ()
) -> FastAPI:
    """The app of these services over one bus. It starts and stops them; `patient`, `parts`: see Opening.

    Raises SettingInvalid where the collector of the traces cannot be meant.
    """
    traces = traces_from_environment([service.name for service in services])
    for service in services:
        service.desk.tracer = traces.tracer(service.name) if traces is not None else None

    async def lacks() -> list[str]:
        missing = opening.missing()
        for service in services:
            missing += [lack for lack in await service.missing() if lack not in missing]
        return missing

    metrics = Metrics(services, lacks)
    own = (metrics,) if traces is None else (traces, metrics)
    opening = Opening(services, bus, patient=patient, parts=(*own, *parts))

    @contextlib.asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        watch = asyncio.create_task(_stop_when_it_fails(opening))
        try:
            await opening.start()
            yield
        finally:
            watch.cancel()
            await opening.stop()

    app = FastAPI(
        title=title,
        version="0.1.0",
        lifespan=running,
        description="The shared case lifecycle for Indonesian migrant workers who are sent home.",
        redoc_url=None,
        telemetry={"tracing": False},
    )
    app.state.services = {service.name: service for service in services}
    problems.install(app)
    tracers = {service.name: tracer for service in services if (tracer := service.desk.tracer) is not None}
    app.add_middleware(Edge, requests=metrics.requests, tracers=tracers)
    for service in services:
        # As they are: `include_router` works out each one a second time, which is a fifth of a start.
        app.router.routes += [*service.definition.router.routes, *operator_routes(service.name).routes]

    @app.get("/livez", tags=["health"], summary="Is the process alive?", openapi_extra=_EXAMPLE_ALIVE)
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", tags=["health"], summary="Can it serve? If not: what is missing", openapi_extra=_EXAMPLE_READY)
    async def readyz() -> JSONResponse:
        missing = await lacks()
        return JSONResponse({"status": "missing" if missing else "ready", "missing": missing}, 503 if missing else 200)

    # Open to whoever reaches the port, as health is; the gateway leads nobody here.
    @app.get("/metrics", include_in_schema=False)
    async def metrics_text(request: Request) -> Response:
        content, content_type = await metrics.text(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": content_type})

    return app


_EXAMPLE_ALIVE = sample({"status": "alive"})
_EXAMPLE_READY = sample({"status": "ready", "missing": []})


async def _stop_when_it_fails(opening: Opening) -> None:
    """A dead side task stops the process: half a service would look alive and fall behind for ever."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if (error := opening.failed()) is not None:
            log.error("stopping: a background task ended", because=type(error).__name__, at=frames_of(error))
            os.kill(os.getpid(), signal.SIGTERM)
            return


class Edge:
    """Outermost: gives each request its correlation id, limits its body, writes one log line without a query.

    What the line says is counted too; where traces are kept, it is a span.
    """

    def __init__(self, app: ASGIApp, requests: Requests, tracers: Mapping[str, Tracer]) -> None:
        """`tracers`: by the service whose name is the path's beginning."""
        self._app = app
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
        scope.setdefault("state", {}).update(correlation_id=correlation, traceparent=traceparent)
        began, status = time.perf_counter(), 500

        async def marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-correlation-id", correlation.encode())]
            await send(message)

        try:
            if _announced_bytes(scope) > MAX_BODY_BYTES:
                await problems.answer(problems.TooLarge())(scope, receive, marked)
            else:
                await self._app(scope, _limited(receive), marked)
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
                method=scope["method"],
                route=route,
                status=status,
                ms=round(seconds * 1000, 1),
                correlationid=correlation,
            )

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


def _limited(receive: Receive) -> Receive:
    """For a body that does not say its length."""
    received = 0

    async def next_part() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(problems.TooLarge.status)
        return message

    return next_part
