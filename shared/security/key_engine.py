"""Connections to the store of keys on PostgreSQL."""

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.database.postgres import UNHEARD, driver_url, refuse_closed
from shared.database.postgres_errors import judge
from shared.database.protocol import DatabaseUnavailable

CONNECTIONS = 3
CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 4.0
"""After which the server counts as gone, with all its connections. Units of work hold their locks while they wait."""


def key_engine(url: str, statement_seconds: float) -> AsyncEngine:
    """What fails for want of the server raises DatabaseUnavailable."""
    engine = create_async_engine(
        driver_url(url),
        pool_size=CONNECTIONS,
        max_overflow=0,
        hide_parameters=True,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": statement_seconds,
            "server_settings": {"application_name": "pulang", **UNHEARD},
        },
    )
    event.listen(engine.sync_engine, "handle_error", _judge)
    event.listen(engine.sync_engine, "checkout", refuse_closed)
    return engine


def _judge(context: ExceptionContext) -> BaseException | None:
    told = judge(context)
    return told and DatabaseUnavailable(f"the key store does not answer ({told})")
