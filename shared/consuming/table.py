"""The tables behind consuming. Every service has them in its own database."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, text

from shared.outbox.table import SPINE, Position

LONGEST_NAME = 64
"""Characters of a source or subject that a mark can be kept for."""
LONGEST_KEY = 128

INBOX = Table(
    "inbox",
    SPINE,
    Column("consumer", String(64), primary_key=True),
    Column("source", String(LONGEST_NAME), primary_key=True),
    Column("subject", String(LONGEST_NAME), primary_key=True),
    Column("version", Integer, nullable=False, comment="the last streamversion applied"),
    sqlite_with_rowid=False,
)

PARKED = Table(
    "parked",
    SPINE,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("consumer", String(64), nullable=False),
    Column("key", String(LONGEST_KEY), nullable=False, comment="record key: what comes later under it waits behind"),
    Column("topic", String(80), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("binary_headers", LargeBinary, nullable=False, comment="JSON: CloudEvents attributes of binary mode"),
    Column("reason", String(120), nullable=False, comment="a class of error, never its text"),
    Column("attempts", Integer, nullable=False),
    Column("retry_at_ms", BigInteger, nullable=False),
    Column("dead", Boolean, nullable=False, server_default=text("false"), comment="no further try by itself"),
    Column("told", Boolean, nullable=False, server_default=text("false"), comment="stands on the dead-letter topic"),
    Index("parked_by_key", "consumer", "key", "position"),
    sqlite_autoincrement=True,
)
