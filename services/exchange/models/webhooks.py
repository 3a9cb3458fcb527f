"""Webhooks: the endpoints of the agencies, their secrets, and what is, or was, on its way to each."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from services.exchange.models.base import ExchangeTable
from shared.database.types import UtcTime
from shared.outbox.table import Position


def _where(on_sqlite: str, on_postgres: str) -> dict[str, Any]:
    """As SQLAlchemy writes the condition in a question: SQLite takes the index for no other."""
    return {"sqlite_where": text(on_sqlite), "postgresql_where": text(on_postgres)}


class WebhookEndpoint(ExchangeTable, table=True):
    """Where an agency wants its events. Its row is the lock that orders all changes of its messages."""

    __tablename__ = "webhook_endpoints"

    endpoint_id: str = Field(primary_key=True, max_length=36)
    agency: str = Field(max_length=32, index=True)
    url: bytes = Field(sa_type=LargeBinary)
    """Sealed: it may hold secrets."""
    event_types: list[str] | None = Field(default=None, sa_type=JSON)
    """None: all of them."""
    state: str = Field(max_length=10)
    """`enabled`, `disabled` or `deleted`."""
    disabled_because: str | None = Field(default=None, max_length=16)
    version: int = 1
    cursor: int = Field(sa_type=Position)
    """The position in the agency's log up to which rows have become messages."""
    failures: int = 0
    """Attempts that failed since the last one that did not."""
    failing_since: datetime | None = Field(default=None, sa_type=UtcTime)
    failed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """The last attempt that failed: where the next one comes much later, nothing was tried in between."""
    delivered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    created_at: datetime = Field(sa_type=UtcTime)


class WebhookSecret(ExchangeTable, table=True):
    """What an endpoint's messages are signed with; two at once while one takes over from the other."""

    __tablename__ = "webhook_secrets"

    secret_id: str = Field(primary_key=True, max_length=36)
    endpoint_id: str = Field(max_length=36, index=True, sa_column_args=(ForeignKey("webhook_endpoints.endpoint_id"),))
    shared: bytes = Field(sa_type=LargeBinary)
    """Sealed: the secret of `v1`, which the agency knows, too."""
    private: bytes = Field(sa_type=LargeBinary)
    """Sealed: the private key of `v1a`, which never leaves."""
    created_at: datetime = Field(sa_type=UtcTime)
    valid_until: datetime | None = Field(default=None, sa_type=UtcTime)


class WebhookMessage(ExchangeTable, table=True):
    """One row of an agency's log on its way to an endpoint: a reference, never what is sent.

    Those that are open (`waiting`, `retrying`, `exhausted`) hold up what comes later in the same case. `due_at` stands
    at the first of a case, and only where it may be tried.
    """

    __tablename__ = "webhook_messages"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "message_id"),
        Index("ix_webhook_messages_due", "endpoint_id", "due_at", **_where("due_at IS NOT NULL", "due_at IS NOT NULL")),
        Index("ix_webhook_messages_open", "endpoint_id", "subject", "position", **_where("open = 1", "open")),
        {"sqlite_with_rowid": False},
    )

    endpoint_id: str = Field(
        primary_key=True, max_length=36, sa_column_args=(ForeignKey("webhook_endpoints.endpoint_id"),)
    )
    position: int = Field(primary_key=True, sa_type=Position)
    """In the agency's log."""
    message_id: str = Field(max_length=40)
    subject: str = Field(max_length=64)
    """As it was heard; shown as the agency may know it."""
    state: str = Field(max_length=10)
    open: bool
    due_at: datetime | None = Field(default=None, sa_type=UtcTime)
    round: int
    """How often it was to be delivered again: what an earlier round brings no longer counts."""
    attempts: int
    taken_at: datetime = Field(sa_type=UtcTime, index=True)
    failed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    """When it failed first: from then on it is tried for three days."""
    tried_at: datetime | None = Field(default=None, sa_type=UtcTime)
    outcome: str | None = Field(default=None, max_length=16)
    status: int | None = None
    """The HTTP status of the last answer."""
