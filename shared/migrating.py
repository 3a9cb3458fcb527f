"""Bringing a service's database from whatever it is to now, with Alembic."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.orm import Session

LOCK = 0x70756C616E67
"""The advisory lock of whoever migrates a PostgreSQL database: "pulang"."""


class NewerDatabase(Exception):
    """The data was written by a newer version of Pulang: start that one."""


def head_of(folder: Path) -> str:
    """The newest revision: the number that the last file's name begins with."""
    return max(path.name.split("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))


def migrate(engine: Engine, folder: Path) -> bool:
    """Apply what is missing, in one transaction; True when something was. Raises NewerDatabase."""
    with engine.begin() as connection:
        return apply(connection, folder)


async def migrate_server(url: str, folder: Path) -> bool:
    """As `migrate`, on PostgreSQL; whoever migrates at the same time waits, and finds nothing to do.

    Raises NewerDatabase, OSError, SQLAlchemyError.
    """
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    from shared.database.postgres import driver_url

    engine = create_async_engine(driver_url(url), poolclass=NullPool, hide_parameters=True)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        return await connection.run_sync(apply, folder)


def apply(connection: Connection, folder: Path) -> bool:
    """What is missing, in the caller's transaction; True when something was. Raises NewerDatabase.

    Alembic is imported only where there is something to do: it would be a third of the time to start.
    """
    head, current = head_of(folder), _current(connection)
    if current == head:
        return False
    if current is not None and current > head:
        raise NewerDatabase(f"the data is at revision {current}, this version knows {head}")
    upgrade(connection, folder)
    return True


def behind(session: Session, folder: Path) -> str | None:
    """What is wrong with the revision of a database that others migrate; None where nothing is."""
    head, current = head_of(folder), _current(session.connection())
    return None if current == head else f"is at revision {current or 'none'}, this version needs {head}"


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def upgrade(connection: Connection, folder: Path, to: str = "head") -> None:
    """To a revision, in the caller's transaction."""
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder))

    def steps(revision: Any, context: Any) -> Any:
        return script._upgrade_revs(to, revision)

    with EnvironmentContext(Config(), script, fn=steps, destination_rev=to) as environment:
        environment.configure(connection=connection, transaction_per_migration=False)
        environment.run_migrations()
