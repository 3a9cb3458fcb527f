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

    def __init__(
        self, ask: Callable[[], Awaitable[Answer]], fresh: Callable[[Answer | None], float] = lambda _: FRESH_SECONDS
    ) -> None:
        """`fresh`: for how many seconds an answer serves."""
        self._ask = ask
        self._fresh = fresh
        self._task: asyncio.Task[Answer | None] | None = None
        self._answered_at = 0.0

    async def answer(self, within: float = LIMIT_SECONDS) -> Answer | None:
        """None where there is no answer (`within` so many seconds)."""
        task = self._task
        if task is None or (task.done() and self._is_old(task)):
            task = self._task = asyncio.create_task(self._answer(), name="metrics-question")
        await asyncio.wait([task], timeout=within)
        return task.result() if task.done() and not task.cancelled() else None

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def _is_old(self, task: "asyncio.Task[Answer | None]") -> bool:
        fresh = 0.0 if task.cancelled() else self._fresh(task.result())
        return time.monotonic() - self._answered_at > fresh

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
