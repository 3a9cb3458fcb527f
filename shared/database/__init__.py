"""Where plain synchronous commands, queries and reactions run, and when what they wrote becomes true."""

from shared.database.protocol import Database, DatabaseUnavailable
from shared.database.sqlite import SqliteDatabase
from shared.database.types import UtcTime

__all__ = ["Database", "DatabaseUnavailable", "SqliteDatabase", "UtcTime"]
