"""Persons may be erased: what is known of them stays as a mark that they were."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import spine_0005

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    spine_0005.upgrade()
    op.add_column("cases", sa.Column("erased", sa.Boolean(), server_default=sa.false(), nullable=False))
