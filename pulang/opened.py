"""Databases and the bus for an operator's command, on either profile: opened for it, and closed with it."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial

from pulang.app import definition
from pulang.complaint import Complaint
from shared.bus.protocol import Bus, Topic
from shared.database.protocol import Database
from shared.settings import KafkaSettings, Settings


async def file_of(opened: AsyncExitStack, service: str, settings: Settings) -> Database:
    """A service's file in a data folder, migrated. Raises NewerDatabase."""
    from shared.database.sqlite import SqliteDatabase
    from shared.migrating import migrate

    database = SqliteDatabase(settings.database(service))
    opened.push_async_callback(database.stop)
    migrate(database.engine, definition(service).migrations)
    await database.start()
    return database


async def file_as_it_is(opened: AsyncExitStack, service: str, settings: Settings) -> Database:
    """A service's file in a data folder, of which nothing is changed. Raises Complaint, DatabaseUnavailable."""
    from shared.database.sqlite import SqliteDatabase
    from shared.migrating import behind

    database = SqliteDatabase(settings.database(service))
    opened.push_async_callback(database.stop)
    await database.start()
    if (lack := await database.read(partial(behind, folder=definition(service).migrations))) is not None:
        raise Complaint(f"{service}: the database {lack}: start this version once with `pulang up`")
    return database


async def embedded_bus(opened: AsyncExitStack, settings: Settings, topics: Sequence[Topic]) -> Bus:
    """The bus of a data folder, with these topics. Raises BusUnavailable."""
    from shared.bus.embedded import EmbeddedBus

    bus = EmbeddedBus(settings.bus)
    opened.push_async_callback(bus.stop)
    await bus.start()
    await bus.declare(topics)
    return bus


async def server_of(opened: AsyncExitStack, service: str, url: str) -> Database:
    """A service's database on PostgreSQL, which others migrate. Raises Complaint, DatabaseUnavailable."""
    from shared.database.postgres import PostgresDatabase
    from shared.migrating import behind

    database = PostgresDatabase(url, writers=2, readers=2, students=1)
    opened.push_async_callback(database.stop)
    await database.start()
    if (lack := await database.read(partial(behind, folder=definition(service).migrations))) is not None:
        raise Complaint(f"{service}: the database {lack}: run `pulang migrate {service}`")
    return database


async def kafka_bus(opened: AsyncExitStack, kafka: KafkaSettings) -> Bus:
    """The topics that were provisioned. Raises Complaint, BusUnavailable."""
    from shared.bus.kafka import KafkaBus

    try:
        bus = KafkaBus(kafka, creates=False)
    except ValueError as refused:
        raise Complaint(str(refused)) from None
    opened.push_async_callback(bus.stop)
    await bus.start()
    return bus
