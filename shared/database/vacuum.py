"""Vacuuming a few tables of a PostgreSQL database: what was deleted there takes no place any more.

The bytes themselves go when the server uses the place again: it overwrites nothing on demand. Nor does its write-ahead
log. What must be unreadable from now on has to be sealed with a key that is destroyed.
"""

from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from shared.database.postgres import driver_url
from shared.database.postgres_errors import first_line
from shared.database.protocol import DatabaseUnavailable

CONNECT_SECONDS = 10.0
VACUUM_SECONDS = 6 * 3600.0
"""For a table of millions that nobody has vacuumed yet; after the first time only pages that were changed are read."""


async def vacuum(url: str, tables: Sequence[str]) -> None:
    """One after the other, while others work on them. Raises DatabaseUnavailable."""
    engine = create_async_engine(
        driver_url(url),
        poolclass=NullPool,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": VACUUM_SECONDS,
            "server_settings": {"application_name": "pulang vacuum"},
        },
    )
    try:
        async with engine.connect() as connection:
            for table in tables:
                await connection.exec_driver_sql(f'VACUUM "{table}"')
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise DatabaseUnavailable(f"could not vacuum ({first_line(error)})") from error
    finally:
        await engine.dispose()
