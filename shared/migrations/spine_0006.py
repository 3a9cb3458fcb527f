"""Agencies that have left the exchange, whose tokens open nothing."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    op.create_table(
        "agencies_left",
        sa.Column("agency", sa.String(length=64), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("agency"),
        comment="whose tokens open nothing",
    )
