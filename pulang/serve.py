"""`pulang serve` and `pulang migrate`: one service of the distributed profile."""

import asyncio
from typing import TYPE_CHECKING

from pulang.app import create_replica, definition
from pulang.complaint import Complaint
from pulang.server import CannotStart, listen, run
from pulang.services import must_be_a_service
from pulang.signals import end_when_asked
from shared.security.secret_files import SecretInvalid
from shared.settings import Environment, SettingInvalid, replica_from, stores_from

if TYPE_CHECKING:
    from fastapi import FastAPI


def serve_replica(service: str, host: str, port: int) -> None:
    """Run until SIGINT or SIGTERM; whatever is away is waited for. Raises Complaint."""
    must_be_a_service(service)
    end_when_asked()
    try:
        replica = replica_from(Environment())

        def made() -> "FastAPI":
            return create_replica(service, replica)

        with listen(host, port) as bound:
            run(made, bound)
    except (SettingInvalid, SecretInvalid, CannotStart) as refused:
        raise Complaint(str(refused)) from None


def migrate_service(service: str) -> None:
    """Bring the service's databases to this version; whoever does it at the same time waits. Raises Complaint."""
    from sqlalchemy.exc import DBAPIError

    from shared.database.protocol import DatabaseUnavailable
    from shared.migrating import NewerDatabase, migrate_server
    from shared.security.postgres_keys import migrate_key_store

    must_be_a_service(service)

    async def both(database: str, key_store: str) -> tuple[bool, bool]:
        return await migrate_server(database, definition(service).migrations), await migrate_key_store(key_store)

    try:
        stores = stores_from(Environment())
        done = asyncio.run(both(stores.database, stores.key_store))
    except (SettingInvalid, NewerDatabase, DatabaseUnavailable) as refused:
        raise Complaint(f"{service}: {refused}") from None
    except (DBAPIError, OSError, TimeoutError) as broken:
        kind = type(broken.orig if isinstance(broken, DBAPIError) else broken).__name__
        raise Complaint(f"{service}: the database refused, or does not answer ({kind})") from None
    for name, changed in zip(("database", "key store"), done, strict=True):
        print(f"{service}: {name} {'migrated' if changed else 'is up to date'}")
