"""What PostgreSQL says of a failed statement: what it means here, without the values that it quotes.

DETAIL, and the messages of data errors, can hold personal data. They are taken out before anybody can log them.
"""

import contextlib
from typing import Any

import asyncpg
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError

from shared.database.protocol import DatabaseUnavailable, is_outage, sqlstate_of

TAKEN = ("23505", "23P01")
"""SQLSTATEs of what is there already: a key, or what excludes the new row (a bed's night)."""
CONNECTION_GONE = ("08", "57P", "25006", "25P03")
"""SQLSTATEs after which a connection is of no use. 25006: the server became a standby; another is the primary now."""
DATA_ERROR = "22"


def overtaken_by(error: DBAPIError) -> object:
    """What tells one row, or migration, with which another transaction was first from any other; None for no such."""
    driver = error.orig.__cause__ if error.orig is not None else None
    if isinstance(driver, asyncpg.InvalidCachedStatementError):
        return type(driver)
    return getattr(driver, "row", None) if sqlstate_of(error) in TAKEN else None


def judge(context: ExceptionContext) -> BaseException | None:
    """Tells an outage as what it is, and anything else without the values."""
    error, told = context.original_exception, context.sqlalchemy_exception
    _hide_values(error, told)
    if not isinstance(error, OSError) and not (told is not None and is_outage(told)):
        return None
    state: str | None = getattr(error, "sqlstate", None)
    if state is None or state.startswith(CONNECTION_GONE):
        # For want of an answer SQLAlchemy gives up that connection alone, and the others would be waited for in turn.
        context.is_disconnect = context.invalidate_pool_on_disconnect = True
    return DatabaseUnavailable(first_line(error))


def _hide_values(error: BaseException, told: Any) -> None:
    """In what SQLAlchemy raises and in what led to it: a log shows the whole chain."""
    driver: Any = getattr(error, "orig", None) or error
    if not isinstance(driver, asyncpg.PostgresError | asyncpg.InterfaceError):
        return
    driver.__cause__ = driver.__context__ = None
    if getattr(driver, "sqlstate", None) in TAKEN:
        driver.row = hash((driver.constraint_name, driver.detail))  # of no use outside this process
    for one in (error, driver):
        with contextlib.suppress(AttributeError):
            one.detail = None  # type: ignore[union-attr]
    if isinstance(driver, asyncpg.PostgresError) and not (driver.sqlstate or "").startswith(DATA_ERROR):
        return
    if isinstance(driver, asyncpg.InterfaceError) and not isinstance(driver, ValueError):
        return
    for one in (error, driver, told):
        if one is not None:
            one.args = (type(driver).__name__,)


def first_line(error: BaseException) -> str:
    """The server's own word: never a statement or its parameters."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(cause) or type(cause).__name__).splitlines()[0]
