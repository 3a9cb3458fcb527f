"""Persons may be erased: nothing of their cases is disclosed, but that they were."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import spine_0005

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    spine_0005.upgrade()
    op.create_table(
        "erased_cases",
        sa.Column("case_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_erased_cases")),
    )
    op.add_column("consent_levels", sa.Column("erased", sa.Boolean(), server_default=sa.false(), nullable=False))
