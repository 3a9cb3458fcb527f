"""Erasures, and the legal holds that forbid them."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime
from shared.migrations import spine_0005

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    spine_0005.upgrade()
    op.create_table(
        "erasures",
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("reason", sa.String(12), nullable=True),
        sa.Column("asked_by", sa.String(12), nullable=True),
        sa.Column("requested_by", sa.String(256), nullable=True),
        sa.Column("requested_at", UtcTime(), nullable=True),
        sa.Column("decided_by", sa.String(256), nullable=True),
        sa.Column("decided_at", UtcTime(), nullable=True),
        sa.Column("refused_because", sa.String(20), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_erasures")),
    )
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", sa.String(36), nullable=False),
        sa.Column("case_id", sa.String(36), nullable=False),
        sa.Column("reason", sa.String(20), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("set_by", sa.String(256), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.Column("lifted_because", sa.String(20), nullable=True),
        sa.Column("lifting_note", sa.LargeBinary(), nullable=True),
        sa.Column("lifted_by", sa.String(256), nullable=True),
        sa.Column("lifted_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_legal_holds")),
    )
    op.create_index(op.f("ix_legal_holds_case_id"), "legal_holds", ["case_id"])
    op.create_index("ix_manifest_rows_known_case", "manifest_rows", ["known_case"])
