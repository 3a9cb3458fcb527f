"""Which agencies have left the exchange, as a service was told: their tokens are good, and open nothing.

Exchange knows who is in it; the others hear it (`pulang.agency.left.v1`, `pulang.agency.joined.v1`) in the order in
which it was decided. Only those that have left are kept: an agency that exchange never knew, such as that of the
operators, is none of them.
"""

from datetime import datetime

from sqlalchemy import BigInteger, Column, String, Table, bindparam, delete, select
from sqlalchemy.orm import Session

from shared.database.prepared import Prepared, upserting
from shared.events.envelope import Event
from shared.events.exchange import AgencyJoined, AgencyLeft
from shared.outbox.table import SPINE
from shared.work import Work

AGENCIES_LEFT = Table(
    "agencies_left",
    SPINE,
    Column("agency", String(64), primary_key=True),
    Column("since_ms", BigInteger, nullable=False),
    comment="whose tokens open nothing",
)
_LEFT = Prepared(select(AGENCIES_LEFT.c.agency))
_LEAVE = upserting(AGENCIES_LEFT, ("agency",), ("since_ms",))
_RETURN = Prepared(delete(AGENCIES_LEFT).where(AGENCIES_LEFT.c.agency == bindparam("of_agency")))


def agencies_left(session: Session) -> frozenset[str]:
    """Those that have left and did not come back."""
    return frozenset(row.agency for row in _LEFT.all(session))


def shut_out(session: Session, agency: str, now: datetime) -> None:
    """From the commit on, and within a second in every replica, its tokens open nothing in this service."""
    _LEAVE.write(session, [{"agency": agency, "since_ms": int(now.timestamp() * 1000)}])


def let_back(session: Session, agency: str) -> None:
    """Also for one that was never away."""
    _RETURN.write(session, [{"of_agency": agency}])


def note_left(work: Work, event: Event, fact: AgencyLeft) -> None:
    """A reaction of every service."""
    shut_out(work.session, fact.agency, work.now)


def note_joined(work: Work, event: Event, fact: AgencyJoined) -> None:
    """A reaction of every service."""
    let_back(work.session, fact.agency)
