"""One endpoint as the courier has it in hand: where it goes, what it is signed with, what is under way to it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.models import WebhookSecret
from services.exchange.queries import Disclosed, read_at
from services.exchange.webhooks.messages import ENDPOINTS, Due, due
from services.exchange.webhooks.sealed import Seal
from services.exchange.webhooks.settings import WebhookSettings
from services.exchange.webhooks.signing import Signer, signed_headers
from services.exchange.webhooks.url import Target, target_of
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.work import Desk

if TYPE_CHECKING:
    from services.exchange.webhooks.line import Line, Result, Still

CALM_AFTER = 10
"""Failures in a row, after which an endpoint is only felt for: one request at a time, with pauses between."""
LONGEST_PAUSE = timedelta(minutes=1)
_PAUSE = timedelta(seconds=1)

_SECRETS = table_of(WebhookSecret)
_VALID = Prepared(
    select(_SECRETS.c.secret_id, _SECRETS.c.shared, _SECRETS.c.private, _SECRETS.c.valid_until)
    .where(
        _SECRETS.c.endpoint_id == bindparam("of_endpoint"),
        or_(_SECRETS.c.valid_until.is_(None), _SECRETS.c.valid_until > bindparam("now")),
    )
    .order_by(_SECRETS.c.created_at.desc())
)
_ENDPOINT = Prepared(
    select(ENDPOINTS.c.state, ENDPOINTS.c.version).where(ENDPOINTS.c.endpoint_id == bindparam("of_endpoint"))
)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A generation of secrets, and until when it signs along."""

    secret_id: str
    signer: Signer
    until: datetime | None


def keys_of(session: Session, endpoint: str, seal: Seal, now: datetime) -> list[Keyed]:
    """The secrets that are valid now, the newest first. Raises SealBroken."""
    return [
        Keyed(row.secret_id, seal.open_secrets(row.secret_id, row.shared, row.private), row.valid_until)
        for row in _VALID.all(session, of_endpoint=endpoint, now=now)
    ]


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message that was picked, and what the agency may see of it at this moment; None: nothing."""

    message: Due
    body: bytes | None


@dataclass(slots=True)
class Lane:
    """In memory alone; whoever takes over makes its own."""

    endpoint: str
    agency: str
    line: "Line"
    version: int = 0
    target: Target | None = None
    keys: Sequence[Keyed] = ()
    event_types: frozenset[str] | None = None
    under_way: dict[int, asyncio.Task[None] | None] = field(default_factory=dict)
    """By position; until what became of them is written down."""
    failures: int = 0
    resting_until: datetime | None = None

    @property
    def calm(self) -> bool:
        return self.failures >= CALM_AFTER

    def learn(self, session: Session, row: Any, seal: Seal, now: datetime) -> None:
        """What its row says, where that has changed. Raises SealBroken, UrlRefused."""
        self.failures = row.failures
        if row.version == self.version:
            return
        self.target = target_of(seal.open_url(row.endpoint_id, row.url))
        self.keys = keys_of(session, row.endpoint_id, seal, now)
        self.event_types = None if row.event_types is None else frozenset(row.event_types)
        self.version = row.version

    def pick(self, session: Session, directory: Directory, settings: WebhookSettings, now: datetime) -> list[Parcel]:
        """What may be sent at this moment, as consent, policy and places stand at this moment."""
        if self.resting_until is not None and now < self.resting_until and self.calm:
            return []
        free = (1 if self.calm else settings.at_once) - len(self.under_way)
        if free <= 0:
            return []
        found = due(session, self.endpoint, now, free + len(self.under_way))
        messages = [one for one in found if one.position not in self.under_way][:free]
        shown = read_at(session, directory, self.agency, [one.position for one in messages])
        return [Parcel(one, self._wanted(shown.get(one.position))) for one in messages]

    def _wanted(self, told: Disclosed | None) -> bytes | None:
        """Nothing, too, of what the subscription is not for; but whatever asks for deletion."""
        if told is None:
            return None
        wanted = self.event_types is None or told.type in self.event_types or told.asks_to_delete
        return told.payload if wanted else None

    def may_still(self, session: Session, directory: Directory, position: int, body: bytes) -> bool:
        """Whether the agency may still have exactly this at this address."""
        row = _ENDPOINT.first(session, of_endpoint=self.endpoint)
        if row is None or row.state != "enabled" or row.version != self.version:
            return False
        return self._wanted(read_at(session, directory, self.agency, [position]).get(position)) == body

    async def send(self, message: str, body: bytes, now: datetime, still: "Still") -> "Result":
        """One attempt. Raises LookupError before its row was read."""
        if self.target is None:
            raise LookupError("no address")
        signers = [one.signer for one in self.keys if one.until is None or now < one.until]
        return await self.line.post(
            self.target, signed_headers(signers, message, int(now.timestamp()), body), body, still
        )

    def felt(self, delivered: bool, now: datetime) -> None:
        """What an attempt says of the endpoint as a whole."""
        self.failures = 0 if delivered else self.failures + 1
        over = min(self.failures - CALM_AFTER, 20)
        self.resting_until = now + min(LONGEST_PAUSE, _PAUSE * 2**over) if over >= 0 else None


async def fresh(desk: Desk, may: Callable[[Session], bool], decided: float, seconds: float) -> bool:
    """Whether something may be sent now, which was so at `decided` (the loop's clock): asked again until the answer is
    no older than `seconds`. Raises DatabaseUnavailable."""
    loop = asyncio.get_running_loop()
    while loop.time() - decided > seconds:
        decided = loop.time()
        if not await desk.read(may):
            return False
    return True
