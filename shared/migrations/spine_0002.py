"""For restored databases: which streams have more than their state knows, and where the database is at home."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    op.add_column(
        "streams",
        sa.Column(
            "state_version",
            sa.Integer(),
            nullable=True,
            comment="after a restore: the version that the state knows of, where the stream has more; its writers wait",
        ),
    )
    op.create_index(
        "streams_behind",
        "streams",
        ["subject"],
        unique=False,
        sqlite_where=sa.text("state_version IS NOT NULL"),
        postgresql_where=sa.text("state_version IS NOT NULL"),
    )
    op.create_table(
        "home",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("server", sa.String(length=64), nullable=False, comment="which server, and which of its histories"),
        sa.PrimaryKeyConstraint("name"),
        comment="where this database was when it was last seen to hold everything of this service that is on the bus",
    )
