"""How a process comes up: all at once, or as far as what it needs is there."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from shared.bus.protocol import Bus, BusUnavailable
from shared.database.protocol import DatabaseUnavailable
from shared.service import Companion, Service
from shared.tasks import why_ended

BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0)

log = structlog.get_logger()


class Opening:
    """Bus and services, started and stopped together.

    `patient`: what is away is waited for. The process answers meanwhile, /readyz tells what it waits for, and a service
    whose database is there takes writes while the bus is not.
    """

    def __init__(
        self, services: Sequence[Service], bus: Bus, *, patient: bool, parts: Sequence[Companion] = ()
    ) -> None:
        """`parts`: what else runs in the process, such as the issuer's keys; started first, stopped last."""
        self._services = services
        self._bus = bus
        self._patient = patient
        self._parts = parts
        self._begun: list[Companion | Service] = []
        self._task: asyncio.Task[None] | None = None
        self._waits_for: str | None = "still starting"

    async def start(self) -> None:
        """Raises BusUnavailable, DatabaseUnavailable, unless it is patient."""
        for part in self._parts:
            self._begun.append(part)
            await part.start()
        if self._patient:
            self._task = asyncio.create_task(self._open(), name="opening")
        else:
            await self._open()

    async def stop(self) -> None:
        self._waits_for = "stopping"
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        for part in reversed(self._begun):
            await part.stop()
        await self._bus.stop()

    def missing(self) -> list[str]:
        """What it still waits for; empty when everything runs."""
        return [] if self._waits_for is None else [self._waits_for]

    def failed(self) -> BaseException | None:
        """Why something of it ended by itself."""
        ended = why_ended(self._task)
        return ended or next((error for part in self._begun if (error := part.failed()) is not None), None)

    async def _open(self) -> None:
        if not self._patient:
            await self._bus.start()
        for service in self._services:
            self._begun.append(service)
            await self._try(service.open)
        if self._patient:
            await self._try(self._bus.start)
        for service in self._services:
            await self._try(service.attend)
        self._waits_for = None

    async def _try(self, step: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while True:
            try:
                return await step()
            except (BusUnavailable, DatabaseUnavailable) as gone:
                if not self._patient:
                    raise
                if self._waits_for != (because := str(gone)):
                    log.warning("opening waits", because=because)
                    self._waits_for = because
                await asyncio.sleep(BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)])
                failures += 1
