"""Bringing a service's database from whatever it is to now, with Alembic."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, inspect, text


class NewerDatabase(Exception):
    """The data was written by a newer version of Pulang: start that one."""


def head_of(folder: Path) -> str:
    """The newest revision: the number that the last file's name begins with."""
    return max(path.name.split("_")[0] for path in (folder / "versions").glob("[0-9]*.py"))


def migrate(engine: Engine, folder: Path) -> bool:
    """Apply what is missing, in one transaction; True when something was. Raises NewerDatabase.

    Alembic is imported only where there is something to do: it would be a third of the time to start.
    """
    head = head_of(folder)
    with engine.begin() as connection:
        current = _current(connection)
        if current == head:
            return False
        if current is not None and current > head:
            raise NewerDatabase(f"the data is at revision {current}, this version knows {head}")
        _upgrade(connection, folder)
        return True


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _upgrade(connection: Connection, folder: Path) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder))

    def to_head(revision: Any, context: Any) -> Any:
        return script._upgrade_revs("head", revision)

    with EnvironmentContext(Config(), script, fn=to_head, destination_rev="head") as environment:
        environment.configure(connection=connection, transaction_per_migration=False)
        environment.run_migrations()
