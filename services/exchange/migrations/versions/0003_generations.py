"""The facts behind the indicators belong to a generation, so that they can be built again beside the live ones."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

KEYS = {
    "case_facts": ["case_id"],
    "consent_facts": ["case_id", "agency"],
    "stay_facts": ["stay"],
    "facility_facts": ["facility"],
    "issue_counts": ["day", "item"],
    "session_counts": ["day"],
}


def upgrade() -> None:
    op.create_table(
        "projections",
        sa.Column("consumer", sa.String(length=64), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False, comment="the generation that is asked"),
        sa.Column("last", sa.Integer(), nullable=False, comment="the highest number given to a generation"),
        sa.Column(
            "swept",
            sa.Integer(),
            nullable=False,
            comment="of generations below this one nothing is left but the live",
        ),
        sa.Column("building", sa.Integer(), nullable=True, comment="the generation that is being built"),
        sa.Column("taken", sa.BigInteger(), nullable=False, comment="records that the building one has taken in"),
        sa.Column(
            "beat_ms",
            sa.BigInteger(),
            nullable=False,
            comment="when who builds was last seen, by the database's clock",
        ),
        sa.Column(
            "ended",
            sa.String(length=120),
            nullable=True,
            comment="why the last one was not put in place: a class of error",
        ),
        sa.PrimaryKeyConstraint("consumer", name=op.f("pk_projections")),
    )
    for table, key in KEYS.items():
        with op.batch_alter_table(table) as changed:
            changed.add_column(sa.Column("generation", sa.Integer(), server_default="0", nullable=False))
            changed.drop_constraint(op.f(f"pk_{table}"), type_="primary")
            changed.create_primary_key(op.f(f"pk_{table}"), ["generation", *key])
