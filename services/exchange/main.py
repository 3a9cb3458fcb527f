"""Wiring."""

from collections.abc import Sequence
from pathlib import Path

from services.exchange.commands.deletions import escalate
from services.exchange.directory import Directory
from services.exchange.feed import Feed
from services.exchange.indicators.publishing import Publisher
from services.exchange.log import LOG
from services.exchange.models import METADATA
from services.exchange.projections import INDICATORS
from services.exchange.relay import LEASE, AgencyRelay
from services.exchange.routes import router
from services.exchange.stream import Streams
from shared.outbox.lease import Lease
from shared.service import Companion, Definition, Service


def _companions(service: Service) -> Sequence[Companion]:
    directory = Directory(service.desk.secrets.place)
    lease = Lease(service.database, LEASE, alone=service.ground.alone)
    feed = Feed(service.desk, directory)
    relay = AgencyRelay(service.desk, service.bus, lease, directory)
    return relay, feed, Streams(feed), Publisher(service.desk, service.bus)


EXCHANGE = Definition(
    name="exchange",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(LOG, INDICATORS),
    companions=_companions,
    clock=(escalate,),
)
