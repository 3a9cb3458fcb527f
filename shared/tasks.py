"""Tasks that run beside the requests: half a service would look alive, so whoever has one is asked how it is."""

import asyncio
from typing import Any


def why_ended(task: "asyncio.Task[Any] | None") -> BaseException | None:
    """The error with which a task ended by itself; None while it runs, where it was cancelled, or is none."""
    return task.exception() if task is not None and task.done() and not task.cancelled() else None
