"""`pulang republish`: the bus from the services' own event logs, into topics that were made anew."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from pulang.complaint import Complaint
from pulang.opened import embedded_bus, file_of, kafka_bus, server_of
from pulang.quiet import quiet_libraries
from pulang.services import SERVICES
from pulang.up import alone_on
from services.exchange.policy import agency_topic, members, topic_of_agency
from services.exchange.relay import LEASE as AGENCY_RELAY
from services.exchange.relay import send_anew
from shared.auditing.heads import AUDIT_TOPIC
from shared.auditing.reading import heads_again
from shared.bus.protocol import Bus, BusUnavailable, appended
from shared.database.protocol import Database, DatabaseUnavailable
from shared.outbox.republish import (
    RELAY,
    TOPICS,
    NotEmpty,
    RelaysReturned,
    Standstill,
    republish,
    see_that_it_is_empty,
    standstill,
)
from shared.settings import Environment, SettingInvalid, Settings, from_environment, kafka_from

PAUSE_SECONDS = 0.5
EXCHANGE = "exchange"

Ground = tuple[Mapping[str, Database], Bus]
"""The services' databases, and the bus; started."""


def republish_bus(data: Path | None, *, agencies_only: bool = False, wait_seconds: float = 0.0) -> None:
    """On the distributed profile where PULANG_KAFKA is set, else on the data folder. Raises Complaint."""
    from pulang.server import CannotStart
    from shared.migrating import NewerDatabase

    quiet_libraries()
    far = data is None and bool(os.environ.get("PULANG_KAFKA"))
    try:
        with contextlib.ExitStack() as folder:
            if not far:
                settings = from_environment(data)
                if not settings.database(EXCHANGE).exists():
                    raise Complaint(f"there is no Pulang in {settings.data}: name its folder with --data")
                folder.enter_context(alone_on(settings))
            ground = _distributed() if far else _embedded(settings)
            asyncio.run(_run(ground, alone=not far, agencies_only=agencies_only, wait_seconds=wait_seconds))
    except (CannotStart, SettingInvalid, NewerDatabase) as refused:
        raise Complaint(str(refused)) from None
    except NotEmpty as full:
        raise Complaint(
            f"{full}, then start this again (with --wait SECONDS it holds the relays until the topics are empty)"
        ) from None
    except RelaysReturned as returned:
        raise Complaint(f"{returned} Make the topics anew once more, and start it again") from None
    except (BusUnavailable, DatabaseUnavailable) as gone:
        raise Complaint(f"{gone}: where this had begun to send, make the topics anew, and start it again") from None


@contextlib.asynccontextmanager
async def _embedded(settings: Settings) -> AsyncIterator[Ground]:
    from shared.service import SERVICE_TOPICS

    async with AsyncExitStack() as opened:
        databases = {service: await file_of(opened, service, settings) for service in SERVICES}
        agencies = await databases[EXCHANGE].read(members)
        topics = (*SERVICE_TOPICS, *(topic_of_agency(agency) for agency in agencies))
        yield databases, await embedded_bus(opened, settings, topics)


@contextlib.asynccontextmanager
async def _distributed() -> AsyncIterator[Ground]:
    """PULANG_DATABASE_INTAKE and so on, each with _PASSWORD or _PASSWORD_FILE beside it, and PULANG_KAFKA."""
    environment = Environment()
    urls = {service: environment.database(f"PULANG_DATABASE_{service.upper()}") for service in SERVICES}
    kafka = kafka_from(environment)
    async with AsyncExitStack() as opened:
        databases = {service: await server_of(opened, service, url) for service, url in urls.items()}
        yield databases, await kafka_bus(opened, kafka)


async def _run(
    ground: "contextlib.AbstractAsyncContextManager[Ground]", *, alone: bool, agencies_only: bool, wait_seconds: float
) -> None:
    async with ground as (databases, bus):
        names = [(EXCHANGE, AGENCY_RELAY), *([] if agencies_only else [(service, RELAY) for service in SERVICES])]
        if not alone:
            _say("the relays stand still; services go on writing")
        async with standstill(databases, names, alone=alone) as held:
            if not agencies_only:
                await _until_empty(bus, wait_seconds)
            await _agencies(databases[EXCHANGE], bus, held)
            if not agencies_only:
                sent = await republish(databases, bus, held, lambda sent: _say(f"{sent} events"))
                print(f"{sent} events are on {' and '.join(TOPICS)}")
                for service, database in databases.items():
                    await held.check()
                    if heads := await heads_again(bus, database, service):
                        print(f"{heads} heads of the audit log of {service} are on {AUDIT_TOPIC.name}")


async def _until_empty(bus: Bus, wait_seconds: float) -> None:
    until, told = time.monotonic() + wait_seconds, False
    while True:
        try:
            return await see_that_it_is_empty(bus)
        except (NotEmpty, BusUnavailable) as lack:
            if time.monotonic() >= until:
                raise
            if not told:
                _say(f"waiting: {lack}")
            told = True
        await asyncio.sleep(PAUSE_SECONDS)


async def _agencies(database: Database, bus: Bus, held: Standstill) -> None:
    """The topics that were made anew are filled by exchange's relay as soon as it may: under the consent of now."""
    for agency in await database.read(members):
        topic = agency_topic(agency)
        if records := await appended(bus, topic):
            _say(f"{topic} holds {records} records and is left as it is")
            continue
        await held.check()
        number = held.number(EXCHANGE, AGENCY_RELAY)
        if await database.write(partial(send_anew, agency=agency, number=number)):
            print(f"{topic} follows, from the agency's log")


def _say(line: str) -> None:
    print(line, file=sys.stderr)
