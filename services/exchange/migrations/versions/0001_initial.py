"""The tables of exchange as they began, and those that every service has."""

import sqlalchemy as sa
from alembic import op

from shared.migrations import spine_0001

revision = "0001"
down_revision = None


def upgrade() -> None:
    spine_0001.upgrade()
    op.create_table(
        "agencies",
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("last", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sent", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("agency", name=op.f("pk_agencies")),
    )
    op.create_table(
        "case_facts",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("arrival_point", sa.String(length=40), nullable=False),
        sa.Column("arrival_date", sa.Date(), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False),
        sa.Column("trafficking_status", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_facts")),
    )
    op.create_index(op.f("ix_case_facts_arrival_date"), "case_facts", ["arrival_date"], unique=False)
    op.create_table(
        "consent_facts",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "agency", name=op.f("pk_consent_facts")),
    )
    op.create_table(
        "consent_levels",
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("grant_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "agency", name=op.f("pk_consent_levels")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consent_steps",
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("level_before", sa.String(length=12), nullable=False),
        sa.Column("level_after", sa.String(length=12), nullable=False),
        sa.Column("grant_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("event", "agency", name=op.f("pk_consent_steps")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facility_facts",
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("beds", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("facility", name=op.f("pk_facility_facts")),
    )
    op.create_table(
        "given_to",
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("store", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("agency", "store", name=op.f("pk_given_to")),
    )
    op.create_table(
        "issue_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("quantity", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("day", "item", name=op.f("pk_issue_counts")),
    )
    op.create_table(
        "log_head",
        sa.Column("name", sa.String(length=8), nullable=False),
        sa.Column("last_event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("directory", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_log_head")),
    )
    op.create_table(
        "places",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("province", sa.String(length=2), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_places")),
    )
    op.create_table(
        "session_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sessions", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_session_counts")),
    )
    op.create_table(
        "stay_facts",
        sa.Column("stay", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=64), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("checked_in", sa.Date(), nullable=False),
        sa.Column("checked_out", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("stay", name=op.f("pk_stay_facts")),
    )
    op.create_table(
        "stored_events",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("streamversion", sa.Integer(), nullable=False),
        sa.Column("topic", sa.String(length=80), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_stored_events")),
        sa.UniqueConstraint("source", "id", name=op.f("uq_stored_events_source_id")),
    )
    op.create_index("ix_stored_events_subject", "stored_events", ["subject", "position"], unique=False)
    op.create_table(
        "agency_log",
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("grant_number", sa.Integer(), nullable=False),
        sa.Column("event", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["stored_events.position"], name=op.f("fk_agency_log_event")),
        sa.PrimaryKeyConstraint("agency", "position", name=op.f("pk_agency_log")),
        sa.UniqueConstraint("agency", "grant_number", "event", name=op.f("uq_agency_log_agency_grant_number_event")),
        sqlite_with_rowid=False,
    )
