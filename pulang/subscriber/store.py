"""Where a subscriber keeps how far it is: in your own store, in the transaction that holds the effect.

A store is four small functions over one table of (kind, key, text), and a transaction. `SqliteStore` is one; of
another database it is some thirty lines.
"""

from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

Db_co = TypeVar("Db_co", covariant=True)


class Transaction(Protocol[Db_co]):
    """One transaction: what handlers write, and what the subscriber notes beside it."""

    @property
    def db(self) -> Db_co:
        """Handed to the handlers: a connection, a session, whatever they write with."""

    def get(self, kind: str, key: str) -> str | None: ...

    def put(self, kind: str, key: str, text: str) -> None:
        """Whatever stood there before."""

    def remove(self, kind: str, key: str) -> None:
        """Nothing where it is not there."""

    def keys(self, kind: str, most: int) -> list[str]:
        """Up to so many keys of a kind, in any order."""


class Store(Protocol[Db_co]):
    """A database with transactions. Used by one thread at a time."""

    def transaction(self) -> AbstractContextManager[Transaction[Db_co]]:
        """Committed and durable when the block ends; undone where it raises."""

    def purge(self) -> bool:
        """See that of what was deleted and committed nothing is left in the store's own files; whether it is so.

        Asked before a deletion is acknowledged. A server's database may answer True: its logs are its operator's.
        """
