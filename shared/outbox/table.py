"""The tables behind publishing. Every service has them in its own database."""

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.event import listen

from shared.outbox.triggers import BY_DIALECT

SPINE = MetaData()
"""The tables that every service has: event log, inbox, parked events, answers, audit."""

Position = BigInteger().with_variant(Integer, "sqlite")

STREAMS = Table(
    "streams",
    SPINE,
    Column("subject", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column(
        "state_version",
        Integer,
        nullable=True,
        comment="after a restore: the version that the state knows of, where the stream has more; its writers wait",
    ),
    Index(
        "streams_behind",
        "subject",
        sqlite_where=text("state_version IS NOT NULL"),
        postgresql_where=text("state_version IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
    comment="the last version given in each stream; its row is the lock that orders the writers of a stream",
)

EVENTS = Table(
    "events",
    SPINE,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("subject", String(64), nullable=False),
    Column("streamversion", Integer, nullable=False),
    Column("type", String(80), nullable=False),
    Column("topic", String(80), nullable=False),
    Column("recorded_ms", BigInteger, nullable=False, comment="recordedtime, milliseconds since 1970 UTC"),
    Column("payload", LargeBinary, nullable=False, comment="the exact bytes that are sent"),
    Column(
        "hash",
        LargeBinary,
        nullable=False,
        comment="keyed, over the bytes and the hash before it in the stream",
    ),
    UniqueConstraint("subject", "streamversion"),
    sqlite_autoincrement=True,
)
"""Only ever appended to."""

UNPUBLISHED = Table(
    "unpublished",
    SPINE,
    Column("position", Position, primary_key=True, autoincrement=False),
    comment="events that are not known to be on the bus",
)
"""A row of its own, put there by a trigger: to mark a row of the log would write its payload and all of its indexes
anew, and took longer than sending it."""
UNPUBLISHED.add_is_dependent_on(EVENTS)
for _dialect, _statements in BY_DIALECT.items():
    for _statement in _statements:
        listen(UNPUBLISHED, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]

RELAY_LEASE = Table(
    "relay_lease",
    SPINE,
    Column("name", String(40), primary_key=True),
    Column(
        "number",
        BigInteger,
        nullable=False,
        comment="grows with every holder: a fence against the one before",
    ),
    Column("holder", String(64), nullable=False),
    Column("until_ms", BigInteger, nullable=False, comment="by the database's clock"),
)

HOME = Table(
    "home",
    SPINE,
    Column("name", String(8), primary_key=True),
    Column("server", String(64), nullable=False, comment="which server, and which of its histories"),
    comment="where this database was when it was last seen to hold everything of this service that is on the bus",
)
