"""The tables of psychosocial as they began, and those that every service has."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime
from shared.migrations import spine_0001

revision = "0001"
down_revision = None


def upgrade() -> None:
    spine_0001.upgrade()
    op.create_table(
        "case_keys",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_keys")),
        sa.UniqueConstraint("key_id", name=op.f("uq_case_keys_key_id")),
    )
    op.create_table(
        "places",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_places")),
    )
    op.create_index(op.f("ix_places_agency"), "places", ["agency"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("session_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_by", sa.String(length=256), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_sessions")),
        sa.UniqueConstraint("session_id", name=op.f("uq_sessions_session_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_sessions_case_id"), "sessions", ["case_id"], unique=False)
    op.create_index("ix_sessions_facility_day", "sessions", ["facility", "on_date"], unique=False)
    op.create_table(
        "stays",
        sa.Column("stay_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("stay_id", name=op.f("pk_stays")),
    )
    op.create_index(op.f("ix_stays_case_id"), "stays", ["case_id"], unique=False)
    op.create_table(
        "worklist",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("screened", sa.Boolean(), nullable=False),
        sa.Column("care_layer", sa.Integer(), nullable=True),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=True),
        sa.Column("in_house", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_worklist")),
    )
    op.create_index("ix_worklist_facility", "worklist", ["facility", "case_id"], unique=False)
