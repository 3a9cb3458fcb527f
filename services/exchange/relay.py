"""From each agency's log to its topic, in the order of its positions."""

from collections.abc import Mapping
from functools import partial

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from services.exchange.directory import Directory
from services.exchange.models import Agency
from services.exchange.policy import Policy, agency_topic
from services.exchange.queries import read_log, unsent
from shared.bus.protocol import Bus, Record
from shared.database.models import table_of
from shared.database.prepared import Prepared
from shared.events.envelope import STRUCTURED
from shared.outbox.lease import Lease
from shared.outbox.relay import Relay
from shared.outbox.table import RELAY_LEASE
from shared.times import utc_now
from shared.work import Desk

LEASE = "agency-relay"
BATCH = 500


class AgencyRelay(Relay):
    """One per exchange, as the relay of the event log is, and with the same promise: a record may stand twice.

    What a row shows is decided here, at the moment of sending.
    """

    def __init__(
        self, desk: Desk, bus: Bus, lease: Lease, policies: Mapping[str, Policy], directory: Directory
    ) -> None:
        super().__init__(desk, bus, lease)
        self._policies = policies
        self._directory = directory

    def _committed(self, recorded: bool) -> None:
        """Rows of the logs are no events of exchange's own: any commit may have brought some."""
        self._woken.set()

    async def _send_next(self) -> int:
        waiting = await self._desk.read(partial(unsent, agencies=self._policies))
        rows = 0
        for agency, sent in waiting.items():
            rows += await self._send(agency, sent)
        return rows

    async def _send(self, agency: str, sent: int) -> int:
        stretch = await self._desk.read(
            partial(read_log, directory=self._directory, agency=agency, after=sent, limit=BATCH)
        )
        if stretch.events:
            topic, now_ms = agency_topic(agency), int(utc_now().timestamp() * 1000)
            await self._publish(
                [Record(topic, event.key, event.payload, now_ms, STRUCTURED) for event in stretch.events]
            )
        number = self._lease.number
        if not await self._database.write(partial(mark_sent, agency=agency, last=stretch.last, number=number)):
            self._lease.lost()
            return 0
        return stretch.last - sent


def mark_sent(session: Session, agency: str, last: int, number: int) -> bool:
    """Note what was sent, unless another relay holds the lease by now; whether it does not."""
    if not _holds(session, number):
        return False
    _MARK.write(session, [{"of_agency": agency, "to_last": last}])
    return True


def send_anew(session: Session, agency: str, number: int) -> bool:
    """An operator's action: the agency's topic was made anew, so its log is sent from the start, as consent stands now.

    `number`: of the relay's lease, which the caller holds, so that no relay sends meanwhile. False where there was
    nothing to be sent again, or another holds the lease by now.
    """
    return _holds(session, number) and bool(_ANEW.write(session, [{"of_agency": agency}]))


def _holds(session: Session, number: int) -> bool:
    """Whether the lease is held under that number; it stays so until the commit, and the agency's row is locked later.

    Asked in the UPDATE itself it would be answered as of the statement's start: not after a wait for the row.
    """
    return _HELD.first(session, of_lease=LEASE, of_number=number) is not None


_AGENCY = table_of(Agency)
_HELD = Prepared(
    select(RELAY_LEASE.c.name)
    .where(RELAY_LEASE.c.name == bindparam("of_lease"), RELAY_LEASE.c.number == bindparam("of_number"))
    .with_for_update()
)
_MARK = Prepared(
    update(_AGENCY)
    .where(_AGENCY.c.agency == bindparam("of_agency"), _AGENCY.c.sent < bindparam("to_last"))
    .values(sent=bindparam("to_last"))
)
_ANEW = Prepared(
    update(_AGENCY)
    .where(_AGENCY.c.agency == bindparam("of_agency"), _AGENCY.c.sent > 0)
    .values(sent=0)
    .returning(_AGENCY.c.agency)
)
