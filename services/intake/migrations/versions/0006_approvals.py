"""What waits for a supervisor, and which stay is open."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("cases", sa.Column("stay_id", sa.String(36), nullable=True))
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.String(36), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(14), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("asked", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("screening_id", sa.String(36), nullable=True),
        sa.Column("requested_by", sa.String(256), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("decided_by", sa.String(256), nullable=True),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.Column("because", sa.String(20), nullable=True),
        sa.Column("open_work", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
        sa.UniqueConstraint("screening_id", name=op.f("uq_approvals_screening_id")),
    )
    op.create_index(op.f("ix_approvals_case_id"), "approvals", ["case_id"])
    op.create_index("ix_approvals_status", "approvals", ["status", "approval_id"])
    op.create_index(
        "one_request_of_a_kind",
        "approvals",
        ["case_id", "kind"],
        unique=True,
        sqlite_where=sa.text("status = 'requested'"),
        postgresql_where=sa.text("status = 'requested'"),
    )
