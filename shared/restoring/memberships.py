"""Agencies that left the exchange or came back since a backup was made: known again before anybody is served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from shared.bus.protocol import Received
from shared.consuming.parking import event_of
from shared.consuming.table import INBOX
from shared.database.prepared import Prepared, upserting
from shared.events.exchange import AgencyJoined, AgencyLeft
from shared.security.membership import let_back, shut_out

TELLER = "/pulang/exchange"
_MEMBER = {AgencyJoined.TYPE: True, AgencyLeft.TYPE: False}
_MARK = b"pulang.agency."


@dataclass(frozen=True, slots=True)
class Membership:
    """What was told last of an agency. `version`: of its stream."""

    version: int
    member: bool


@dataclass(slots=True)
class MembershipsTold:
    """Who joined and who left, the last word on each, among the records of the bus."""

    last: dict[str, Membership] = field(default_factory=dict)

    def note(self, record: Received) -> None:
        """Of most records it is enough to look for the types' names."""
        if _MARK not in record.value and _MARK not in dict(record.headers).get("ce_type", b""):
            return
        event = event_of(record.value, record.headers)
        if event is None or event.source != TELLER or event.type not in _MEMBER:
            return
        known = self.last.get(event.subject)
        if known is None or event.streamversion > known.version:
            self.last[event.subject] = Membership(event.streamversion, _MEMBER[event.type])


def know_again(session: Session, consumers: Sequence[str], told: Mapping[str, Membership], now: datetime) -> None:
    """Who has left is shut out, who came back is let in, as these consumers would when they hear it.

    To them all of it is heard then: else one that left, came back and left again would be let in for a moment, when it
    is told once more.
    """
    found = _HEARD.all(session, of_consumers=consumers, of_subjects=sorted(told))
    heard = {(row.consumer, row.subject): row.version for row in found}
    for consumer in consumers:
        new = {agency: one for agency, one in told.items() if one.version > heard.get((consumer, agency), 0)}
        as_told(session, new, now)
        _HEAR.write(
            session,
            [
                {"consumer": consumer, "source": TELLER, "subject": agency, "version": one.version}
                for agency, one in sorted(new.items())
            ],
        )


def as_told(session: Session, told: Mapping[str, Membership], now: datetime) -> None:
    """The doors let in, or not, whom the last word lets in."""
    for agency, one in sorted(told.items()):
        if one.member:
            let_back(session, agency)
        else:
            shut_out(session, agency, now)


_HEARD = Prepared(
    select(INBOX.c.consumer, INBOX.c.subject, INBOX.c.version).where(
        INBOX.c.consumer.in_(bindparam("of_consumers", expanding=True)),
        INBOX.c.source == TELLER,
        INBOX.c.subject.in_(bindparam("of_subjects", expanding=True)),
    )
)
_HEAR = upserting(INBOX, ("consumer", "source", "subject"), ("version",))
