"""The courier: brings what the agencies' logs hold to their webhooks.

One per exchange, however many replicas: a lease says which. What it delivers, it delivers **at least once**: between a
receiver's answer and the mark in the database a crash may fall, and the message comes again under the same
`webhook-id`, by which receivers drop it. A courier that was stopped and wakes may send again what it had in hand, and
can mark nothing. Within a case, and for operations within a subject, the first appearance of each message is in the
order of the log.

The loop waits for the database alone. Each request is a task of its own on its endpoint's own connections, so that a
slow endpoint delays no other; what is sent was disclosed in the read right before, and where connecting took long, or
the process stood still, is disclosed again when the first byte is due. What became of all of them since is
written down together, with what is taken anew from the logs, in one transaction fenced by the lease's number.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.models import Agency
from services.exchange.webhooks.figures import figures_of, standing
from services.exchange.webhooks.health import note_health
from services.exchange.webhooks.lane import Lane, Parcel, fresh
from services.exchange.webhooks.messages import (
    ENDPOINTS,
    WITHHELD,
    Due,
    Verdict,
    any_enabled,
    lock,
    ready,
    settle,
    take,
)
from services.exchange.webhooks.naming import Asking
from services.exchange.webhooks.sealed import Seal
from services.exchange.webhooks.settings import WebhookSettings
from services.exchange.webhooks.url import UrlRefused
from services.exchange.webhooks.verdict import MOST_BYTES, too_large, verdict_of
from shared.database.models import table_of
from shared.database.protocol import DatabaseUnavailable
from shared.metrics.figures import Figure
from shared.outbox.lease import Lease, still_held
from shared.security.sealing import SealBroken
from shared.tasks import why_ended
from shared.telemetry import frames_of
from shared.work import Desk

LEASE = "webhooks"
TAKE = 500
"""Rows of a log that become messages at once."""
READY = 200
"""With so many messages that may be tried, no more are taken."""
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.005
"""What ends within it is written down together."""
GRACE_SECONDS = 3.0
"""For requests under way when the service stops."""
BACKOFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger()


class Courier:
    """A companion of exchange."""

    def __init__(self, desk: Desk, lease: Lease, directory: Directory, settings: WebhookSettings) -> None:
        self.settings = settings
        self.directory = directory
        self.seal = Seal(desk.secrets.webhook)
        self.outcomes: Counter[str] = Counter()
        """Attempts of this process, by what came of them."""
        self._desk = desk
        self._lease = lease
        self._lanes: dict[str, Lane] = {}
        self._asking: dict[str, Asking] = {}
        self._hungry: list[str] = []
        self._verdicts: list[Verdict] = []
        self._broken: set[str] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        desk.listeners.append(self._committed)

    @property
    def lease(self) -> tuple[str, int]:
        """Its name, and the number under which it is held; 0 while somebody else holds it."""
        return self._lease.name, self._lease.number

    def asking(self, agency: str) -> Asking:
        """What an agency asks for by itself has its own place."""
        return self._asking.setdefault(agency, Asking())

    async def figures(self) -> Sequence[Figure]:
        """For /metrics: never an address, an agency or a case. Raises DatabaseUnavailable."""
        return figures_of(await self._desk.read(standing), self.outcomes)

    def _committed(self, recorded: bool) -> None:
        """Any commit may have brought rows, or changed an endpoint."""
        self._woken.set()

    async def start(self) -> None:
        if self.settings.allow:
            log.warning(
                "webhooks may reach networks that are not public", networks=[str(n) for n in self.settings.allow]
            )
        self._task = asyncio.create_task(self._run(), name="webhooks")

    async def stop(self) -> None:
        """Wait a little for what is under way, write it down, give the lease back."""
        self._stopping = True
        self._woken.set()
        if self._task is not None:
            await asyncio.wait([self._task])  # what it ended with is told by `failed`
        if waiting := [task for lane in self._lanes.values() for task in lane.under_way.values() if task is not None]:
            await asyncio.wait(waiting, timeout=GRACE_SECONDS)
        with contextlib.suppress(DatabaseUnavailable):
            await self._write_down()
        await self._drop()
        with contextlib.suppress(DatabaseUnavailable):
            await self._lease.release()

    def failed(self) -> BaseException | None:
        """Why it ended, where it did so by itself."""
        return why_ended(self._task)

    async def _run(self) -> None:
        failures = 0
        while not self._stopping:
            self._woken.clear()
            try:
                more = await self._turn()
                failures = 0
            except DatabaseUnavailable as gone:
                wait = BACKOFF_SECONDS[min(failures, len(BACKOFF_SECONDS) - 1)]
                failures += 1
                log.warning("webhooks wait", because=str(gone), seconds=wait)
                await asyncio.sleep(wait)
                continue
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
            await asyncio.sleep(GATHER_SECONDS)

    async def _turn(self) -> bool:
        """Write down, take, send; whether there is more to be taken. Raises DatabaseUnavailable."""
        if self._desk.closed is not None or not await self._lease.hold():
            await self._drop()
            return False
        if not await self._write_down():
            self._lease.lost()
            await self._drop()
            return False
        if not self._lanes and not await self._desk.glance(any_enabled):
            return False
        decided = asyncio.get_running_loop().time()
        for lane, parcels in await self._desk.read(self._survey):
            for parcel in parcels:
                self._send(lane, parcel, decided)
        return bool(self._hungry)

    async def _write_down(self) -> bool:
        """What became of what was under way, and what comes next; False where another courier holds the lease."""
        verdicts, hungry = self._verdicts[:], self._hungry
        if not verdicts and not hungry:
            return True
        change = partial(_advance, verdicts=verdicts, hungry=hungry, lease=self.lease, settings=self.settings)
        if not await self._desk.database.write(change):
            return False
        del self._verdicts[: len(verdicts)]
        self._hungry = []
        for one in verdicts:
            if (lane := self._lanes.get(one.endpoint)) is not None:
                lane.under_way.pop(one.message.position, None)
        return True

    def _survey(self, session: Session) -> list[tuple[Lane, list[Parcel]]]:
        """What may be sent now, of each endpoint that is enabled and whose agency there is."""
        now, picked, present, hungry = self.settings.now(), [], set(), []
        agencies, members = table_of(Agency), self.directory.members(session)
        rows = session.execute(
            select(ENDPOINTS, agencies.c.last)
            .join(agencies, agencies.c.agency == ENDPOINTS.c.agency, isouter=True)
            .where(ENDPOINTS.c.state == "enabled")
            .order_by(ENDPOINTS.c.endpoint_id)
        )
        for row in rows:
            if row.agency not in members or (lane := self._lane(session, row)) is None:
                continue
            present.add(row.endpoint_id)
            enough = 1 if lane.calm else READY
            if row.cursor < (row.last or 0) and ready(session, lane.endpoint, now, enough) < enough:
                hungry.append(lane.endpoint)
            picked.append((lane, lane.pick(session, self.directory, self.settings, now)))
        for endpoint in self._lanes.keys() - present:
            self._leave(endpoint)
        self._hungry = hungry
        return picked

    def _lane(self, session: Session, row: Any) -> Lane | None:
        lane = self._lanes.get(row.endpoint_id)
        if lane is None:
            # Loaded where it is needed: an exchange without webhooks starts without a client.
            from services.exchange.webhooks.line import Line

            lane = Lane(row.endpoint_id, row.agency, Line(self.settings))
        try:
            lane.learn(session, row, self.seal, self.settings.now())
        except (SealBroken, UrlRefused) as broken:
            if row.endpoint_id not in self._broken:
                self._broken.add(row.endpoint_id)
                log.error("webhook cannot be read", endpoint=row.endpoint_id, because=type(broken).__name__)
            return None
        self._lanes[row.endpoint_id] = lane
        return lane

    def _send(self, lane: Lane, parcel: Parcel, decided: float) -> None:
        """What shows nothing, or is too large, is not sent at all."""
        message, body, now = parcel.message, parcel.body, self.settings.now()
        if body is not None and len(body) <= MOST_BYTES:
            task = asyncio.create_task(self._attempt(lane, message, body, decided), name="webhook")
            lane.under_way[message.position] = task
            return
        lane.under_way[message.position] = None
        verdict = too_large(lane.endpoint, message, now)
        if body is None:
            verdict = Verdict(lane.endpoint, message, WITHHELD, None, "withheld", failed_at=message.failed_at)
        self._judged(verdict)

    async def _attempt(self, lane: Lane, message: Due, body: bytes, decided: float) -> None:
        """`decided`: when, by the loop's clock, what is sent was read at the latest."""
        from services.exchange.webhooks.line import OVERTAKEN, Result

        may = partial(lane.may_still, directory=self.directory, position=message.position, body=body)
        still = partial(fresh, self._desk, may, decided, self.settings.fresh_seconds)
        try:
            result = await lane.send(message.message_id, body, self.settings.now(), still)
        except Exception as unforeseen:
            # Neither lost nor in the way of others: it counts as an attempt.
            log.error("webhook: unforeseen", error=type(unforeseen).__name__, at=frames_of(unforeseen))
            result = Result("broken")
        if result.outcome == OVERTAKEN:  # no attempt: it is picked again, as it is disclosed then
            lane.under_way.pop(message.position, None)
            self._woken.set()
            return
        now = self.settings.now()
        lane.felt(result.delivered, now)
        self._judged(verdict_of(lane.endpoint, message, result, now))

    def _judged(self, verdict: Verdict) -> None:
        self.outcomes[verdict.outcome] += 1
        self._verdicts.append(verdict)
        self._woken.set()

    def _leave(self, endpoint: str) -> None:
        """It was disabled or deleted, or its agency left: what is under way ends, and is written down where it can."""
        if not self._lanes[endpoint].under_way:
            closing = asyncio.create_task(self._lanes.pop(endpoint).line.close(), name="webhook-close")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _drop(self) -> None:
        """Another courier may be at work: nothing more is sent from here."""
        lanes, self._lanes, self._verdicts, self._hungry = list(self._lanes.values()), {}, [], []
        tasks = [task for lane in lanes for task in lane.under_way.values() if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(lane.line.close() for lane in lanes), *self._closing)
        self._verdicts.clear()


def _advance(
    session: Session,
    verdicts: Sequence[Verdict],
    hungry: Sequence[str],
    lease: tuple[str, int],
    settings: WebhookSettings,
) -> bool:
    """One transaction for all of them; False where another courier holds the lease by now."""
    if not still_held(session, *lease):
        return False
    now = settings.now()
    rows = lock(session, [*hungry, *(one.endpoint for one in verdicts)])
    settle(session, verdicts, now)
    note_health(session, rows, verdicts, now)
    for row in rows:
        if row.endpoint_id in hungry and row.state == "enabled":
            take(session, row, now, TAKE)
    return True
