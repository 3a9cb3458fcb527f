"""The picture behind the indicators is one row to a case, and counts by day; published tables are kept.

What the old picture held does not say enough to make the new one (no age band, no id of an issue), and the bus does:
the picture is emptied and marked as outdated, and exchange builds it again from the bus when it starts. Until then its
figures are those of what it has heard since.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

OUTDATED = "its tables changed"
CONSUMER = "exchange.indicators"
COUNT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    had_any = op.get_bind().execute(sa.text("SELECT 1 FROM stored_events LIMIT 1")).first() is not None
    for table in ("case_facts", "consent_facts", "stay_facts", "facility_facts", "issue_counts", "session_counts"):
        op.drop_table(table)
    op.create_table(
        "case_facts",
        sa.Column("generation", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("arrival_date", sa.Date(), nullable=True),
        sa.Column("recorded_on", sa.Date(), nullable=True),
        sa.Column("told", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("generation", "case_id", name=op.f("pk_case_facts")),
    )
    op.create_index(op.f("ix_case_facts_arrival_date"), "case_facts", ["arrival_date"], unique=False)
    op.create_table(
        "day_counts",
        sa.Column("generation", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("dimension", sa.String(length=20), nullable=False),
        sa.Column("measure", sa.String(length=20), nullable=False),
        sa.Column("value", sa.String(length=40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("place", sa.String(length=40), nullable=False),
        sa.Column("number", COUNT, nullable=False),
        sa.PrimaryKeyConstraint(
            "generation", "dimension", "measure", "value", "day", "place", name=op.f("pk_day_counts")
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facility_facts",
        sa.Column("generation", sa.Integer(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("beds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("generation", "facility", name=op.f("pk_facility_facts")),
    )
    op.create_table(
        "published_months",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("tables", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_published_months")),
    )
    if had_any:
        _mark_as_outdated()


def _mark_as_outdated() -> None:
    projections = sa.table(
        "projections",
        *(sa.column(name) for name in ("consumer", "live", "last", "swept", "building", "taken", "beat_ms", "ended")),
    )
    marked = sa.update(projections).where(projections.c.consumer == CONSUMER).values(building=None, ended=OUTDATED)
    if op.get_bind().execute(marked).rowcount == 0:
        new = {"consumer": CONSUMER, "live": 0, "last": 0, "swept": 0, "taken": 0, "beat_ms": 0, "ended": OUTDATED}
        op.bulk_insert(projections, [new])
