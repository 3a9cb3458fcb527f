"""What a replica of a service stands on: its database, its keys, its secrets; made for either profile."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from shared.database.protocol import Database, DatabaseUnavailable
from shared.security.keys import KeyStore
from shared.security.secrets import Secrets
from shared.settings import IDENTITY_READS, Rate, Replica, Settings


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

    secrets = Secrets.load(settings.keys)
    return Ground(database, keys, secrets, alone=True, open=open_, close=close, identity_reads=settings.identity_reads)


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

    secrets = Secrets.from_environment(replica.root_secret)
    return Ground(database, keys, secrets, alone=False, open=open_, close=close, identity_reads=replica.identity_reads)
