"""An agency joins a slice at a time; an endpoint knows when it failed last."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column(
        "agencies", sa.Column("joining_at", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column("webhook_endpoints", sa.Column("failed_at", UtcTime(), nullable=True))
