"""From each agency's log to its topic, in the order of its positions."""

from collections.abc import Mapping
from functools import partial

import structlog
from sqlalchemy import bindparam, update
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.models import Agency
from services.exchange.policy import agency_topic, topic_of_agency
from services.exchange.queries import Stretch, read_log, unsent
from shared.bus.protocol import Bus, BusUnavailable, Record, UnknownTopic
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.envelope import STRUCTURED
from shared.outbox.lease import Lease, still_held
from shared.outbox.relay import Relay
from shared.times import utc_now
from shared.work import Desk

log = structlog.get_logger()

LEASE = "agency-relay"
BATCH = 500


class AgencyRelay(Relay):
    """One per exchange, as the relay of the event log is, and with the same promise: a record may stand twice.

    What a row shows is decided here, at the moment of sending.
    """

    def __init__(self, desk: Desk, bus: Bus, lease: Lease, directory: Directory) -> None:
        super().__init__(desk, bus, lease)
        self._directory = directory
        self._declared: set[str] = set()
        self._missing: set[str] = set()

    def _committed(self, recorded: bool) -> None:
        """Rows of the logs are no events of exchange's own: any commit may have brought some."""
        self._woken.set()

    async def _send_next(self) -> int:
        stretches = await self._with_a_topic(await self._database.glance(self._waiting))
        if not stretches:
            return 0
        now_ms = int(utc_now().timestamp() * 1000)
        records = [
            Record(agency_topic(agency), event.key, event.payload, now_ms, STRUCTURED)
            for agency, stretch in stretches.items()
            for event in stretch.events
        ]
        if records:
            try:
                await self._publish(records)
            except BusUnavailable:
                self._declared.clear()  # a topic may be gone: it is left out of the next round then
                raise
        sent = {agency: (stretch.after, stretch.last) for agency, stretch in stretches.items()}
        if not await self._database.write(partial(mark_sent, sent=sent, number=self._lease.number)):
            self._lease.lost()
            return 0
        return BATCH if any(stretch.full for stretch in stretches.values()) else len(records)

    def _waiting(self, session: Session) -> dict[str, Stretch]:
        """The next stretch of each log that has more than was sent."""
        return {
            agency: read_log(session, self._directory, agency, sent, BATCH)
            for agency, sent in unsent(session, self._directory).items()
        }

    async def _with_a_topic(self, stretches: dict[str, Stretch]) -> dict[str, Stretch]:
        """Agencies join while we run; one whose topic is not there (yet) keeps nobody else waiting."""
        for agency in sorted(stretches.keys() - self._declared):
            try:
                await self._bus.declare((topic_of_agency(agency),))
            except UnknownTopic:
                if agency not in self._missing:
                    log.warning("an agency has no topic", agency=agency, topic=agency_topic(agency))
                self._missing.add(agency)
                continue
            self._declared.add(agency)
            self._missing.discard(agency)
        return {agency: stretch for agency, stretch in stretches.items() if agency in self._declared}


def mark_sent(session: Session, sent: Mapping[str, tuple[int, int]], number: int) -> bool:
    """Note from where to where each agency's log was sent, unless another relay holds the lease by now; whether it
    does not. An agency whose topic begins anew meanwhile (it left and came back) is not marked: all is sent again."""
    if not still_held(session, LEASE, number):  # the rows of agencies are locked later
        return False
    marks = [{"of_agency": agency, "was": after, "to_last": last} for agency, (after, last) in sorted(sent.items())]
    _MARK.write(session, marks)
    return True


def send_anew(session: Session, agency: str, number: int) -> bool:
    """An operator's action: the agency's topic was made anew, so its log is sent from the start, as consent stands now.

    `number`: of the relay's lease, which the caller holds, so that no relay sends meanwhile. False where there was
    nothing to be sent again, or another holds the lease by now.
    """
    return still_held(session, LEASE, number) and bool(_ANEW.write(session, [{"of_agency": agency}]))


_AGENCY = table_of(Agency)
_MARK = Prepared(
    update(_AGENCY)
    .where(_AGENCY.c.agency == bindparam("of_agency"), _AGENCY.c.sent == bindparam("was"))
    .values(sent=bindparam("to_last"))
)
_ANEW = Prepared(
    update(_AGENCY)
    .where(_AGENCY.c.agency == bindparam("of_agency"), _AGENCY.c.sent > 0)
    .values(sent=0)
    .returning(_AGENCY.c.agency)
)
