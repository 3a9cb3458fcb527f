"""Waiting until everything that was entered has reached everyone who reads it."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from pulang.client import OPERATOR, Bearer
from pulang.complaint import Complaint
from pulang.replay.api import Api
from pulang.services import SERVICES

PAUSE_SECONDS = 0.1
STANDSTILL_SECONDS = 60.0
"""Without any progress for so long, something is wrong."""


async def until_settled(api: Api, ended: Callable[[], Complaint | None]) -> int:
    """The rows in all event logs, once no backlog is left. Raises Complaint where something is parked, or stands."""
    administrator = api.tokens.bearer(OPERATOR, "administrator")
    least, moved, told = -1, time.monotonic(), False
    while True:
        if (gone := ended()) is not None:
            raise gone
        statuses = [await api.get(f"/{service}/operations/status", administrator) for service in SERVICES]
        parked = [status["service"] for status in statuses if status["parked"]]
        if parked:
            raise Complaint(f"{', '.join(parked)} could not take in some events: see `pulang dead-letters list`")
        left = sum(_left(status) for status in statuses) + await _unsent(api, administrator)
        if left == 0:
            return sum(int(status["events"]) for status in statuses)
        if least < 0 or left < least:
            least, moved = left, time.monotonic()
        if time.monotonic() - moved > STANDSTILL_SECONDS:
            raise Complaint(f"{left} events have not moved for {STANDSTILL_SECONDS:.0f} s: look at `pulang status`")
        if not told:
            print("waiting until every agency has everything", file=sys.stderr)
            told = True
        await asyncio.sleep(PAUSE_SECONDS)


def _left(status: dict[str, Any]) -> int:
    lags = [1 if lag is None else lag for lag in status["consumer_lag"].values()]  # not known: not all has arrived
    behind: int = status["outbox_backlog"] + sum(lags)
    return behind


async def _unsent(api: Api, administrator: Bearer) -> int:
    agencies = (await api.get("/exchange/agencies", administrator))["items"]
    behind: int = sum(agency["last"] - agency["sent"] for agency in agencies)
    return behind
