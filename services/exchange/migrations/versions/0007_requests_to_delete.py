"""Who was asked to delete what, and has said that it is done."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "deletion_requests",
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("asks", sa.String(length=10), nullable=False),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("escalated_at", UtcTime(), nullable=True),
        sa.Column("acknowledged_at", UtcTime(), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("event", "agency", name=op.f("pk_deletion_requests")),
    )
    op.create_index("ix_deletion_requests_agency", "deletion_requests", ["agency", "event"])
    op.create_index("ix_deletion_requests_case", "deletion_requests", ["case_id", "agency"])
    op.create_index(
        "deletions_open",
        "deletion_requests",
        ["due_at"],
        sqlite_where=sa.text("acknowledged_at IS NULL"),
        postgresql_where=sa.text("acknowledged_at IS NULL"),
    )
    # Endings of before are asked for from now on: the same three days for all.
    op.execute(
        sa.text(
            "INSERT INTO deletion_requests (event, agency, case_id, asks, asked_at, due_at) "
            "SELECT steps.event, steps.agency, stored.subject, "
            "CASE WHEN steps.level_after = 'none' THEN 'case' ELSE 'identity' END, :asked, :due "
            "FROM consent_steps AS steps JOIN stored_events AS stored ON stored.position = steps.event "
            "WHERE steps.level_after = 'none' OR "
            "(steps.level_before = 'identified' AND steps.level_after = 'pseudonymous')"
        ).bindparams(*_from_now())
    )


def _from_now() -> list[sa.BindParameter[datetime]]:
    now = datetime.now(UTC)
    return [sa.bindparam("asked", now, UtcTime()), sa.bindparam("due", now + timedelta(hours=72), UtcTime())]
