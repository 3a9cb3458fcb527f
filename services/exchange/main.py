"""Wiring."""

from collections.abc import Sequence
from pathlib import Path

from services.exchange.directory import Directory
from services.exchange.feed import Feed
from services.exchange.log import FORGETTING, LOG
from services.exchange.models import METADATA
from services.exchange.policy import agency_topic, policies
from services.exchange.projections import INDICATORS
from services.exchange.relay import LEASE, AgencyRelay
from services.exchange.routes import router
from shared.bus.protocol import Topic
from shared.outbox.lease import Lease
from shared.service import Companion, Definition, Service

RETENTION_DAYS = 30


def _companions(service: Service) -> Sequence[Companion]:
    directory = Directory(policies(), service.desk.secrets.place)
    lease = Lease(service.database, LEASE, alone=service.ground.alone)
    return (
        AgencyRelay(service.desk, service.bus, lease, policies(), directory),
        Feed(service.desk, directory),
    )


EXCHANGE = Definition(
    name="exchange",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(LOG, INDICATORS),
    companions=_companions,
    forgetting=FORGETTING,
    topics=tuple(
        Topic(agency_topic(agency), retention_days=RETENTION_DAYS, log_append_time=True) for agency in policies()
    ),
)
