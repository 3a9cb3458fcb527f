"""Traces of a process, sent to a collector by OTLP over HTTP; none where no collector is named.

The SDK and its exporter are imported where they are wanted alone: they cost a start a fifth of a second.
"""

import asyncio
import contextlib
import os
import threading
import uuid
from collections.abc import Sequence
from urllib.parse import urlsplit

from shared.settings import SettingInvalid
from shared.telemetry.spans import Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
FLUSH_SECONDS = 2.0
"""What a collector that does not answer may cost when the process ends."""


class Traces:
    """The tracers of a process's services. Runs beside them; `stop` sends what is left."""

    def __init__(self, services: Sequence[str]) -> None:
        """Where, and what is sampled, the environment says as the SDK documents it (OTEL_EXPORTER_OTLP_*,
        OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_RESOURCE_ATTRIBUTES)."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._processor = BatchSpanProcessor(OTLPSpanExporter())
        self._tracers: dict[str, Tracer] = {}
        replica = str(uuid.uuid4())
        for service in services:
            resource = Resource.create({"service.name": f"pulang-{service}", "service.instance.id": replica})
            provider = TracerProvider(resource=resource, shutdown_on_exit=False)
            provider.add_span_processor(self._processor)
            self._tracers[service] = Tracer(provider.get_tracer("pulang"))

    def tracer(self, service: str) -> Tracer | None:
        """None for what is no service of this process."""
        return self._tracers.get(service)

    async def start(self) -> None:
        """Nothing to start: its thread runs since it was made."""

    async def stop(self) -> None:
        """Sends what is left, if the collector takes it within FLUSH_SECONDS."""
        loop, flushed = asyncio.get_running_loop(), asyncio.Event()

        def flush() -> None:
            self._processor.shutdown()  # type: ignore[no-untyped-call]
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(flushed.set)

        # A thread of its own that the process does not wait for: the SDK's patience cannot be told.
        threading.Thread(target=flush, name="traces-flush", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(flushed.wait(), FLUSH_SECONDS)

    def failed(self) -> BaseException | None:
        return None


def traces_from_environment(services: Sequence[str]) -> Traces | None:
    """None unless OTEL_EXPORTER_OTLP_ENDPOINT (or that of traces alone) is set. Raises SettingInvalid."""
    name = next((name for name in ENDPOINTS if os.environ.get(name, "").strip()), None)
    if name is None:
        return None
    try:
        parts = urlsplit(os.environ[name].strip())
        meant = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        meant = False
    if not meant:
        raise SettingInvalid(f"{name} must be like http://collector:4318")
    return Traces(services)
