"""What a replica of a service stands on: its database, its keys, its secrets; made for either profile."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.database.protocol import Database, DatabaseUnavailable
from shared.security.keys import KeyStore
from shared.security.secrets import Secrets
from shared.settings import IDENTITY_READS, Rate, Replica, Settings

if TYPE_CHECKING:
    from shared.database.sqlite import SqliteDatabase
    from shared.security.keys import SqliteKeyStore


@dataclass(frozen=True, slots=True)
class Ground:
    """Made before an event loop runs; opened and closed on one."""

    database: Database
    keys: KeyStore
    secrets: Secrets
    alone: bool
    """Whether no other process is on the database: the embedded profile holds its folder."""
    open: Callable[[], Awaitable[None]]
    """Ready for units of work at its return. Raises DatabaseUnavailable; may be tried again then."""
    close: Callable[[], Awaitable[None]]
    """Finishes what was taken. Everything else of the service has ended by then."""
    scrub: Callable[[Sequence[str]], Coroutine[None, None, bool]]
    """What was deleted from these tables, and every destroyed key, leaves the files, as far as the database can see to
    it (decision 17). False where somebody still reads what was there before. Raises DatabaseUnavailable."""
    identity_reads: Rate = IDENTITY_READS


def embedded(settings: Settings, name: str, migrations: Path) -> Ground:
    """A SQLite file, which is migrated when it is opened. Raises SecretInvalid, KekUnknown, OSError, sqlite3.Error."""
    from shared.database.sqlite import SqliteDatabase
    from shared.migrating import migrate
    from shared.security.keys import SqliteKeyStore
    from shared.security.sealing import Kek

    database = SqliteDatabase(settings.database(name))
    keys = SqliteKeyStore(settings.key_store(name), Kek.load_or_create(settings.keys / "kek"), owner=name)

    async def open_() -> None:
        migrate(database.engine, migrations)
        await database.start()

    async def close() -> None:
        await database.stop()
        keys.close()

    async def scrub(tables: Sequence[str]) -> bool:
        return await scrub_files(database, keys)

    secrets = Secrets.load(settings.keys)
    return Ground(database, keys, secrets, True, open_, close, scrub, settings.identity_reads)


async def scrub_files(database: "SqliteDatabase", keys: "SqliteKeyStore") -> bool:
    """Both write-ahead logs are emptied; what was deleted is overwritten in the files themselves at the deletion."""
    from shared.security.keys import DestructionUnfinished

    try:
        await asyncio.to_thread(keys.destroy, ())
    except DestructionUnfinished:
        return False
    return await database.empty_log()


def distributed(replica: Replica, name: str, migrations: Path) -> Ground:
    """Two databases on PostgreSQL, which `pulang migrate` has brought to this version. Raises SecretInvalid."""
    from shared.database.postgres import PostgresDatabase
    from shared.migrating import behind
    from shared.security.postgres_keys import PostgresKeyStore
    from shared.security.sealing import Kek

    database = PostgresDatabase(replica.stores.database)
    keys = PostgresKeyStore(replica.stores.key_store, Kek.from_environment(replica.kek), owner=name)

    async def open_() -> None:
        await database.start()
        if (lack := await database.read(lambda session: behind(session, migrations))) is not None:
            await database.stop()
            raise DatabaseUnavailable(f"{name}: the database {lack}: run `pulang migrate {name}`")
        await keys.start()

    async def close() -> None:
        await database.stop()
        await keys.stop()

    async def scrub(tables: Sequence[str]) -> bool:
        return await scrub_server(replica.stores.database, replica.stores.key_store, tables)

    secrets = Secrets.from_environment(replica.root_secret)
    return Ground(database, keys, secrets, False, open_, close, scrub, replica.identity_reads)


async def scrub_server(database: str, key_store: str, tables: Sequence[str]) -> bool:
    """Dead rows of both are vacuumed. Raises DatabaseUnavailable."""
    from shared.database.vacuum import vacuum
    from shared.security.postgres_keys import DATA_KEY

    await vacuum(key_store, [DATA_KEY.name])
    await vacuum(database, tables)
    return True
