"""Event log, inbox, parked events, answers and audit log, as they began."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("caller", sa.String(length=200), nullable=False),
        sa.Column("route", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False, comment="keyed hash of the request"),
        sa.Column("status", sa.Integer(), nullable=False, comment="0 while the first request is at work"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("kept_since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "route", "key"),
    )
    op.create_index(op.f("ix_answers_kept_since_ms"), "answers", ["kept_since_ms"], unique=False)
    op.create_table(
        "audit",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("roles", sa.String(length=200), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True, comment="place in the chain; none until it is chained"),
        sa.Column("hash", sa.LargeBinary(), nullable=True, comment="keyed, over the row and the hash before it"),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "audit_unchained",
        "audit",
        ["position"],
        unique=False,
        sqlite_where=sa.text("number IS NULL"),
        postgresql_where=sa.text("number IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("streamversion", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False, comment="recordedtime, milliseconds since 1970 UTC"),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="the exact bytes that are sent"),
        sa.Column(
            "hash",
            sa.LargeBinary(),
            nullable=False,
            comment="keyed, over the bytes and the hash before it in the stream",
        ),
        sa.Column("published", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("subject", "streamversion"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "events_unpublished",
        "events",
        ["position"],
        unique=False,
        sqlite_where=sa.text("published = 0"),
        postgresql_where=sa.text("NOT published"),
    )
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="the last streamversion applied"),
        sa.PrimaryKeyConstraint("consumer", "source", "subject"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "parked",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column(
            "key", sa.String(length=128), nullable=False, comment="record key: what comes later under it waits behind"
        ),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column(
            "binary_headers", sa.LargeBinary(), nullable=False, comment="JSON: CloudEvents attributes of binary mode"
        ),
        sa.Column("reason", sa.String(length=120), nullable=False, comment="a class of error, never its text"),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "dead", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="no further try by itself"
        ),
        sa.Column(
            "told",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="stands on the dead-letter topic",
        ),
        sa.PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.create_index("parked_by_key", "parked", ["consumer", "key", "position"], unique=False)
    op.create_table(
        "relay_lease",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column(
            "number", sa.BigInteger(), nullable=False, comment="grows with every holder: a fence against the one before"
        ),
        sa.Column("holder", sa.String(length=64), nullable=False),
        sa.Column("until_ms", sa.BigInteger(), nullable=False, comment="by the database's clock"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "streams",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject"),
        sqlite_with_rowid=False,
        comment="the last version given in each stream; its row is the lock that orders the writers of a stream",
    )
