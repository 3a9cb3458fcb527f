"""The keys that erasures have doomed."""

import sqlalchemy as sa
from alembic import op


def upgrade() -> None:
    op.create_table(
        "doomed_keys",
        sa.Column("key_id", sa.String(36), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.String(10),
            nullable=False,
            comment="doomed; destroyed: nobody gets it any more, its bytes may lie in a file; gone: from the files as "
            "well",
        ),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_index(
        "keys_not_gone",
        "doomed_keys",
        ["key_id"],
        sqlite_where=sa.text("state <> 'gone'"),
        postgresql_where=sa.text("state <> 'gone'"),
    )
