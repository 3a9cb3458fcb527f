"""Wiring."""

from collections.abc import Sequence
from pathlib import Path

from services.exchange.commands.webhooks import forget_messages
from services.exchange.directory import Directory
from services.exchange.feed import Feed
from services.exchange.log import LOG
from services.exchange.models import METADATA
from services.exchange.policy import agency_topic, policies
from services.exchange.projections import INDICATORS
from services.exchange.relay import LEASE as AGENCIES
from services.exchange.relay import AgencyRelay
from services.exchange.routes import router
from services.exchange.webhooks.courier import LEASE as WEBHOOKS
from services.exchange.webhooks.courier import Courier
from services.exchange.webhooks.settings import WebhookSettings, settings_from
from shared.bus.protocol import Topic
from shared.outbox.lease import Lease
from shared.service import Companion, Definition, Service
from shared.settings import Environment

RETENTION_DAYS = 30


def companions(service: Service, webhooks: WebhookSettings | None = None) -> Sequence[Companion]:
    """What runs beside exchange's relay and consumers. `webhooks`: by default, as the environment says."""
    directory = Directory(policies(), service.desk.secrets.place)

    def lease(name: str) -> Lease:
        return Lease(service.database, name, alone=service.ground.alone)

    return (
        AgencyRelay(service.desk, service.bus, lease(AGENCIES), policies(), directory),
        Feed(service.desk, directory),
        Courier(service.desk, lease(WEBHOOKS), directory, webhooks or settings_from(Environment())),
    )


EXCHANGE = Definition(
    name="exchange",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(LOG, INDICATORS),
    companions=companions,
    clock=(forget_messages,),
    topics=tuple(
        Topic(agency_topic(agency), retention_days=RETENTION_DAYS, log_append_time=True) for agency in policies()
    ),
)
