"""The audit log holds every name that a token may have, is found by whom and about whom it is, and has heads."""

import sqlalchemy as sa
from alembic import op

_WIDER = {"actor": sa.String(length=256), "agency": sa.String(length=64), "roles": sa.Text()}


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        # SQLite changes no column's type: the table is written anew.
        with op.batch_alter_table("audit", recreate="always", table_kwargs={"sqlite_autoincrement": True}) as table:
            for column, wider in _WIDER.items():
                table.alter_column(column, type_=wider, existing_nullable=False)
    else:
        for column, wider in _WIDER.items():
            op.alter_column("audit", column, type_=wider, existing_nullable=False)
    op.create_index("audit_by_subject", "audit", ["subject", "number"], unique=False)
    op.create_index("audit_by_actor", "audit", ["actor", "at_ms"], unique=False)
    op.create_table(
        "audit_heads",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "number",
            sa.Integer(),
            nullable=False,
            comment="of the audit row that was the last one then; 0: there was none",
        ),
        sa.Column("hash", sa.LargeBinary(), nullable=False, comment="of that row"),
        sa.Column("rows", sa.Integer(), nullable=False, comment="how many since the head before"),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False, comment="seal of the head before"),
        sa.Column("seal", sa.LargeBinary(), nullable=False, comment="keyed, over all of this and the service's name"),
        sa.Column(
            "resumes", sa.Integer(), nullable=True, comment="after a restore: the head that the chain goes on from"
        ),
        sa.Column("kept", sa.Integer(), nullable=True, comment="after a restore: that head's number"),
        sa.Column(
            "lost",
            sa.Integer(),
            nullable=True,
            comment="after a restore: the last number that was published and is gone",
        ),
        sa.Column("published", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_index(
        "audit_heads_unpublished",
        "audit_heads",
        ["sequence"],
        unique=False,
        sqlite_where=sa.text("published = 0"),
        postgresql_where=sa.text("NOT published"),
    )
