"""What a service asks of its database."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy.orm import Session

Result = TypeVar("Result")


class DatabaseUnavailable(Exception):
    """The database cannot take this now: it is gone, its disk is full, or it is shutting down."""


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

    async def healthy(self) -> str | None:
        """None while it answers; else one line that says what is missing."""
