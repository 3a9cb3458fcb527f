"""What a service asks of its database."""

import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

Result = TypeVar("Result")


class DatabaseUnavailable(Exception):
    """The database cannot take this now: it is gone, its disk is full, or it is shutting down."""


class TransactionLost(DatabaseUnavailable):
    """The database ended the transaction, and the work went on: what it does now would be a transaction of its own."""


OUTAGES = ("08", "53", "57", "58", "25006", "25P03", "55P03")
"""SQLSTATEs, or how they begin: connection, resources, operator, system; a standby; idle for too long; locked."""
CONFLICTS = ("40001", "40P01")
"""SQLSTATEs of a serialization failure and of a deadlock."""


def is_outage(error: BaseException) -> bool:
    """Whether it is the database that fails (disk full, connection gone), and not what it was asked."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    if (state := sqlstate_of(error)) is not None:
        return state.startswith(OUTAGES)
    if isinstance(error, OperationalError):
        return sqlite_fails(getattr(error.orig, "sqlite_errorcode", None))
    return isinstance(error, DatabaseUnavailable | ConnectionError | TimeoutError)


def sqlite_fails(code: int | None) -> bool:
    """Whether that code of an operational error means the file (no room, locked), and not what was asked."""
    return code is None or code & 0xFF != sqlite3.SQLITE_ERROR


def is_transient(error: BaseException) -> bool:
    """Whether the same work may go well another time: an outage, or another transaction that was in its way.

    Whoever catches any error to go on without what failed lets these pass: `write` knows what to do.
    """
    return is_outage(error) or sqlstate_of(error) in CONFLICTS


def sqlstate_of(error: BaseException) -> str | None:
    """PostgreSQL's code for an error that the server told; None for any other."""
    state: str | None = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return state


class Database(Protocol):
    """A unit of work is a function of a session. It may be run again from its start, so it changes nothing but rows."""

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Finish what was taken, then close."""

    async def write(self, work: Callable[[Session], Result]) -> Result:
        """Run in a transaction of its own; returns after the commit. What `work` raises rolls it back and is raised.

        Raises DatabaseUnavailable.
        """

    async def read(self, work: Callable[[Session], Result]) -> Result:
        """Run over one snapshot; nothing is written. Raises DatabaseUnavailable."""

    async def glance(self, work: Callable[[Session], Result]) -> Result:
        """As `read`, for one question, or for several that need not agree: a server is spared two trips, since each has
        a snapshot of its own. Raises DatabaseUnavailable."""

    async def study(self, work: Callable[[Session], Result]) -> Result:
        """As `read`, for what walks through much: nobody else waits for it. Raises DatabaseUnavailable."""

    async def healthy(self) -> str | None:
        """None while it answers; else one line that says what is missing."""

    def failed(self) -> BaseException | None:
        """Why a task of its own ended, if one did: the process must not go on without it."""
