"""The audit log takes longer names, is found by whom and about whom it is, and has heads."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import spine_0004

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    spine_0004.upgrade()
    with op.batch_alter_table("consent_records") as table:
        table.alter_column("recorded_by", type_=sa.String(length=256), existing_nullable=False)
