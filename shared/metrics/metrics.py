"""The metrics of one app: counted as it works, asked for when they are scraped."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.consuming.inbox import Listener
from shared.metrics.asking import FRESH_SECONDS, Answer, Question
from shared.metrics.figures import Figure, Telling
from shared.metrics.requests import Requests
from shared.metrics.standing import Standing, standing
from shared.service import Service

if TYPE_CHECKING:
    from shared.metrics.exposition import Exposition

READY_SECONDS = 10
"""For so long who asks whether it is ready waits: a database that is away is named only when it does not answer."""
WAITING_SECONDS = 0.1
"""An answer that something is missing serves for so long: whoever waits for a start is told at once."""


class Metrics:
    """Runs beside the services, as one of an app's parts."""

    def __init__(self, services: Sequence[Service], missing: Callable[[], Awaitable[list[str]]]) -> None:
        """`missing`: what /readyz tells."""
        self.requests = Requests()
        self._services = services
        self._missing = Question(missing, lambda found: FRESH_SECONDS if found == [] else WAITING_SECONDS)
        self._standings = {service.name: _standing_of(service) for service in services}
        self._lags = {
            loop.consumer.name: _lag_of(service, loop.consumer) for service in services for loop in service.loops
        }
        self._figures = {service.name: _figures_of(service) for service in services}
        self._exposition: Exposition | None = None

    async def start(self) -> None:
        """Nothing to start: it works when it is asked."""

    async def stop(self) -> None:
        await asyncio.gather(*(question.stop() for question in self._questions()))

    def failed(self) -> BaseException | None:
        return None

    async def missing(self) -> list[str]:
        """What /readyz tells, asked once however many want to know."""
        found = await self._missing.answer(READY_SECONDS)
        return [f"readiness: no answer within {READY_SECONDS} s"] if found is None else found

    async def text(self, accept: str) -> tuple[bytes, str]:
        """Everything, and its content type. What cannot be told within LIMIT_SECONDS is left out."""
        if self._exposition is None:
            # On a thread: requests would have to wait for the import.
            self._exposition = await asyncio.to_thread(_exposition)
        from shared.metrics.exposition import figure_families, ready_family, request_families, service_families

        missing, standings, lags, figures = await asyncio.gather(
            self._missing.answer(), _answers(self._standings), _answers(self._lags), _answers(self._figures)
        )
        families = [
            *request_families(self.requests),
            *service_families(self._services, standings, lags),
            *figure_families(figures),
            ready_family(missing == []),
        ]
        return self._exposition.text(families, accept)

    def _questions(self) -> list[Question[Any]]:
        return [
            self._missing,
            *self._standings.values(),
            *self._lags.values(),
            *self._figures.values(),
        ]


def _standing_of(service: Service) -> Question[Standing]:
    return Question(partial(service.desk.read, partial(standing, consumers=service.definition.consumers)))


def _lag_of(service: Service, consumer: Listener) -> Question[int]:
    async def lag() -> int:
        return await service.bus.lag(consumer.name, consumer.topics)

    return Question(lag)


def _figures_of(service: Service) -> Question[list[Figure]]:
    async def figures() -> list[Figure]:
        return [figure for one in service.companions if isinstance(one, Telling) for figure in await one.figures()]

    return Question(figures)


def _exposition() -> "Exposition":
    from shared.metrics.exposition import Exposition

    return Exposition()


async def _answers(questions: Mapping[str, Question[Answer]]) -> dict[str, Answer | None]:
    answers = await asyncio.gather(*(question.answer() for question in questions.values()))
    return dict(zip(questions, answers, strict=True))
