"""Persons may be erased: their entry stays as a mark that they were."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import spine_0004

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    spine_0004.upgrade()
    op.add_column("worklist", sa.Column("erased", sa.Boolean(), server_default=sa.false(), nullable=False))
