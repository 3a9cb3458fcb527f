"""Persons may be erased: their entry stays as a mark that they were."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import spine_0005

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    spine_0005.upgrade()
    op.add_column("worklist", sa.Column("erased", sa.Boolean(), server_default=sa.false(), nullable=False))
