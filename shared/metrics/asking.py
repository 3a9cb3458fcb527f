"""Questions to a database or a bus that may be away, asked while somebody waits for an answer to something else."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from shared.bus.protocol import BusUnavailable
from shared.database.protocol import DatabaseUnavailable

FRESH_SECONDS = 1.0
"""An answer serves for so long, however many ask."""
LIMIT_SECONDS = 1.0
"""Nobody waits longer; who asks next may still find the answer."""

Answer = TypeVar("Answer")
log = structlog.get_logger()


class Question(Generic[Answer]):
    """One question, under way once at a time: what does not answer is not asked again meanwhile."""

    def __init__(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        self._ask = ask
        self._task: asyncio.Task[Answer | None] | None = None
        self._answered_at = 0.0

    async def answer(self) -> Answer | None:
        """None where there is no answer (in time)."""
        task = self._task
        if task is None or (task.done() and time.monotonic() - self._answered_at > FRESH_SECONDS):
            task = self._task = asyncio.create_task(self._answer(), name="metrics-question")
        await asyncio.wait([task], timeout=LIMIT_SECONDS)
        return task.result() if task.done() and not task.cancelled() else None

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _answer(self) -> Answer | None:
        try:
            return await self._ask()
        except (BusUnavailable, DatabaseUnavailable):
            return None  # /readyz and the log say so
        except Exception as error:
            log.warning("gauge is missing", because=type(error).__name__)
            return None
        finally:
            self._answered_at = time.monotonic()
