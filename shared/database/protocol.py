"""What a service asks of its database."""

import sqlite3
from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

Result = TypeVar("Result")


class DatabaseUnavailable(Exception):
    """The database cannot take this now: it is gone, its disk is full, or it is shutting down."""


class TransactionLost(DatabaseUnavailable):
    """The database ended the transaction, and the work went on: what it does now would be a transaction of its own."""


def is_outage(error: BaseException) -> bool:
    """Whether it is the database that fails (disk full, connection gone), and not what it was asked."""
    if isinstance(error, OperationalError):
        code: int | None = getattr(error.orig, "sqlite_errorcode", None)
        return code is None or code & 0xFF != sqlite3.SQLITE_ERROR
    return isinstance(error, DatabaseUnavailable)


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

    async def study(self, work: Callable[[Session], Result]) -> Result:
        """As `read`, for what walks through much: nobody else waits for it. Raises DatabaseUnavailable."""

    async def healthy(self) -> str | None:
        """None while it answers; else one line that says what is missing."""
