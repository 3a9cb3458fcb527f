"""Wiring."""

from collections.abc import Sequence
from pathlib import Path

from services.exchange.commands.agencies import tell_who_left
from services.exchange.commands.deletions import escalate
from services.exchange.commands.webhooks import forget_messages
from services.exchange.directory import Directory
from services.exchange.feed import Feed
from services.exchange.figures import Figures
from services.exchange.indicators.publishing import Publisher
from services.exchange.joining import Joining
from services.exchange.log import FORGETTING, LOG
from services.exchange.models import METADATA
from services.exchange.projections import INDICATORS
from services.exchange.relay import LEASE as AGENCIES
from services.exchange.relay import AgencyRelay
from services.exchange.routes import router
from services.exchange.stream import Streams
from services.exchange.webhooks.courier import LEASE as WEBHOOKS
from services.exchange.webhooks.courier import Courier
from services.exchange.webhooks.settings import WebhookSettings, settings_from
from shared.outbox.lease import Lease
from shared.service import Companion, Definition, Service
from shared.settings import Environment


def companions(service: Service, webhooks: WebhookSettings | None = None) -> Sequence[Companion]:
    """What runs beside exchange's relay and consumers. `webhooks`: by default, as the environment says."""
    directory = Directory(service.desk.secrets.place)
    feed = Feed(service.desk, directory)
    streams = Streams(feed)

    def lease(name: str) -> Lease:
        return Lease(service.database, name, alone=service.ground.alone)

    return (
        AgencyRelay(service.desk, service.bus, lease(AGENCIES), directory),
        feed,
        streams,
        Joining(service.desk),
        Courier(service.desk, lease(WEBHOOKS), directory, webhooks or settings_from(Environment())),
        Publisher(service.desk, service.bus),
        Figures(service.desk, streams),
    )


EXCHANGE = Definition(
    name="exchange",
    router=router,
    metadata=METADATA,
    migrations=Path(__file__).parent / "migrations",
    consumers=(LOG, INDICATORS),
    companions=companions,
    clock=(escalate, forget_messages, tell_who_left),
    forgetting=FORGETTING,
)
