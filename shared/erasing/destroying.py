"""Destroying doomed keys: by the replica that holds the relay's lease, until they are gone."""

import asyncio
import contextlib
import time
from functools import partial

import structlog

from shared.database.protocol import Database
from shared.erasing.table import DESTROYED, DOOMED, GONE, ever_doomed, not_gone, now_are
from shared.ground import Ground
from shared.security.keys import DestructionUnfinished

AT_ONCE = 500
AGAIN_AT_ONCE = 5_000
PAUSE_SECONDS = 5.0
"""Between a scrubbing that did not come to its end and the next one."""

log = structlog.get_logger()


class Destruction:
    """Goes on where it, or another replica, was interrupted: every step may be done twice."""

    def __init__(self, service: str, ground: Ground, tables: tuple[str, ...]) -> None:
        """`tables`: from which erasures delete, besides the stored answers."""
        self._service = service
        self._ground = ground
        self._database: Database = ground.database
        self._tables = tables
        self._came_back, self._not_before = 0, 0.0
        self._scrubbing: asyncio.Task[bool] | None = None
        self._scrubbed: list[str] = []

    async def all_again(self) -> None:
        """Before the service serves: every key that was ever doomed, since the key store may be a restored one, older
        than the erasures that its database knows. Raises DatabaseUnavailable."""
        after, came_back = "", 0
        while keys := await self._database.read(partial(ever_doomed, after=after, at_most=AGAIN_AT_ONCE)):
            try:
                came_back += await asyncio.to_thread(self._ground.keys.destroy, keys)
            except DestructionUnfinished:  # nobody gets them any more; their bytes go with the next scrubbing
                came_back += len(keys)
            after = keys[-1]
        if came_back:
            log.warning("keys of erased persons were destroyed again", service=self._service, keys=came_back)
        self._came_back += came_back

    async def go_on(self) -> None:
        """The next step, where one is due. Raises DatabaseUnavailable."""
        if self._scrubbing is not None:
            await self._end_of_scrubbing(self._scrubbing)
            return
        waiting = await self._database.glance(partial(not_gone, at_most=AT_ONCE))
        if doomed := [key for key, state in waiting.items() if state == DOOMED]:
            with contextlib.suppress(DestructionUnfinished):
                await asyncio.to_thread(self._ground.keys.destroy, doomed)
            await self._database.write(partial(now_are, key_ids=doomed, state=DESTROYED))
        if (waiting or self._came_back) and time.monotonic() > self._not_before:
            self._scrubbed = sorted(waiting)
            # A server takes its time with large tables, and the audit log is not to wait for it.
            self._scrubbing = asyncio.create_task(self._ground.scrub(self._tables), name=f"{self._service}-scrub")

    async def stop(self) -> None:
        """What is not finished is begun again by the next one."""
        if self._scrubbing is not None:
            self._scrubbing.cancel()
            await asyncio.wait([self._scrubbing])

    async def _end_of_scrubbing(self, task: "asyncio.Task[bool]") -> None:
        if not task.done():
            return
        self._scrubbing = None
        self._not_before = time.monotonic() + PAUSE_SECONDS
        if not task.result():  # somebody still reads what was before: another time
            return
        self._came_back, self._not_before = 0, 0.0
        if self._scrubbed:
            await self._database.write(partial(now_are, key_ids=self._scrubbed, state=GONE))
