"""A lease in the database: one holder at a time, counted, by the database's clock."""

import time

import uuid_utils
from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared
from shared.database.protocol import Database
from shared.database.types import DatabaseMilliseconds
from shared.outbox.table import RELAY_LEASE

LEASE_MS = 6_000
"""How long a dead holder keeps the others waiting."""
RENEW_SECONDS = 2.0
ASK_SECONDS = 1.0
"""How often who does not hold it asks for it: relays are woken by every commit."""

_HELD = Prepared(
    select(RELAY_LEASE.c.name)
    .where(RELAY_LEASE.c.name == bindparam("of_lease"), RELAY_LEASE.c.number == bindparam("of_number"))
    .with_for_update()
)


def still_held(session: Session, lease: str, number: int) -> bool:
    """Whether the lease is held under that number; it stays so until the commit.

    Asked in the statement that is fenced by it, it would be answered as of that statement's start: not after a wait for
    a row.
    """
    return _HELD.first(session, of_lease=lease, of_number=number) is not None


class Lease:
    """Who may do a job of which there is one per service.

    `alone`: this process is known to be the only one on the database (the embedded profile's folder lock), so a lease
    that a killed process left behind is taken over at once.
    """

    def __init__(self, database: Database, name: str, alone: bool = False) -> None:
        self.name = name
        self.number = 0
        self._database = database
        self._alone = alone
        self._holder = str(uuid_utils.uuid7())
        self._ask_at = 0.0

    async def hold(self) -> bool:
        """Take or renew it. Costs nothing while the last answer is fresh. Raises DatabaseUnavailable."""
        asked = time.monotonic()
        if asked >= self._ask_at:
            self.number = await self._database.write(self._take)
            self._ask_at = asked + (RENEW_SECONDS if self.number else ASK_SECONDS)
        return self.number > 0

    async def seize(self) -> bool:
        """Take it, whoever holds it; whether somebody did. That one may believe in it for RENEW_SECONDS more, and
        finish what it has in hand: it can mark nothing any more. Raises DatabaseUnavailable."""
        if await self.hold():
            return False
        asked = time.monotonic()
        self.number = await self._database.write(lambda session: self._take(session, from_anyone=True))
        self._ask_at = asked + RENEW_SECONDS
        return True

    def lost(self) -> None:
        """Somebody else was seen to hold it: the next `hold` asks the database."""
        self.number, self._ask_at = 0, 0.0

    async def release(self) -> None:
        """Let the next one have it at once."""
        if self.number:
            number, self.number, self._ask_at = self.number, 0, 0.0
            await self._database.write(
                lambda session: session.execute(
                    update(RELAY_LEASE)
                    .where(RELAY_LEASE.c.name == self.name, RELAY_LEASE.c.number == number)
                    .values(until_ms=0)
                )
            )

    def _take(self, session: Session, from_anyone: bool = False) -> int:
        """The number under which it is held; 0 when somebody else holds it."""
        now = DatabaseMilliseconds()
        mine = RELAY_LEASE.c.holder == self._holder
        row = session.execute(
            select(RELAY_LEASE.c.number, mine.label("mine")).where(RELAY_LEASE.c.name == self.name).with_for_update()
        ).one_or_none()
        if row is None:
            try:
                with session.begin_nested():
                    session.execute(
                        insert(RELAY_LEASE).values(
                            name=self.name, number=1, holder=self._holder, until_ms=now + LEASE_MS
                        )
                    )
            except IntegrityError:
                return 0
            return 1
        number = int(row.number) + (0 if row.mine else 1)
        anyone = self._alone or from_anyone
        takeable = RELAY_LEASE.c.number >= 0 if anyone else or_(mine, RELAY_LEASE.c.until_ms <= now)
        taken = session.execute(
            update(RELAY_LEASE)
            .where(and_(RELAY_LEASE.c.name == self.name, takeable))
            .values(number=number, holder=self._holder, until_ms=now + LEASE_MS)
            .returning(RELAY_LEASE.c.number)
        ).one_or_none()
        return number if taken is not None else 0
