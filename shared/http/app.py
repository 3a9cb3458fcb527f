"""A FastAPI app around one service or several: problems, health, documents, and the edge around all of it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import structlog
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from shared.bus.protocol import Bus
from shared.http import problems
from shared.http.documents import tell_all
from shared.http.edge import Edge
from shared.http.headers import cors, origins_from, policy_of_page
from shared.http.limits import Limiter, Limits, limits_from
from shared.http.opening import Opening
from shared.http.operators import operator_routes
from shared.http.samples import sample
from shared.metrics import Metrics
from shared.service import Companion, Service
from shared.settings import Environment
from shared.telemetry import frames_of
from shared.telemetry.traces import traces_from_environment

WATCH_SECONDS = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outside:
    """What an app is told of those who call it."""

    limits: Limits = field(default_factory=Limits)
    origins: tuple[str, ...] = ()
    """Whose pages may call; none."""


USUAL = Outside()


def outside_from(environment: Environment) -> Outside:
    """See `limits_from` and `origins_from`. Raises SettingInvalid."""
    return Outside(limits_from(environment), origins_from(environment))


def app_of(
    title: str,
    services: Sequence[Service],
    bus: Bus,
    *,
    patient: bool = False,
    parts: Sequence[Companion] = (),
    outside: Outside = USUAL,
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
        docs_url=None,
        telemetry={"tracing": False},
    )
    app.state.services = {service.name: service for service in services}
    problems.install(app)
    tracers = {service.name: tracer for service in services if (tracer := service.desk.tracer) is not None}
    app.state.limiter = limiter = Limiter(outside.limits)
    if outside.origins:
        app.add_middleware(CORSMiddleware, **cors(outside.origins))
    app.add_middleware(Edge, requests=metrics.requests, tracers=tracers, limiter=limiter)
    for service in services:
        # As they are: `include_router` works out each one a second time, which is a fifth of a start.
        app.router.routes += [*service.definition.router.routes, *operator_routes(service.name).routes]

    @app.get("/livez", tags=["health"], summary="Is the process alive?", openapi_extra=_EXAMPLE_ALIVE)
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get(
        "/readyz",
        tags=["health"],
        summary="Can it serve? If not: what is missing",
        responses={503: {"description": "Something is missing", "content": {"application/json": {"schema": {}}}}},
        openapi_extra=_EXAMPLE_READY,
    )
    async def readyz() -> JSONResponse:
        missing = await metrics.missing()
        return JSONResponse({"status": "missing" if missing else "ready", "missing": missing}, 503 if missing else 200)

    page = get_swagger_ui_html(openapi_url=str(app.openapi_url), title=title)
    page.headers["content-security-policy"] = policy_of_page(bytes(page.body))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return page

    # Open to whoever reaches the port, as health is; the gateway leads nobody here.
    @app.get("/metrics", include_in_schema=False)
    async def metrics_text(request: Request) -> Response:
        content, content_type = await metrics.text(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": content_type})

    tell_all(app)
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
