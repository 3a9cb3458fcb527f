"""The tables of intake as they began, and those that every service has."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime
from shared.migrations import spine_0001

revision = "0001"
down_revision = None


def upgrade() -> None:
    spine_0001.upgrade()
    op.create_table(
        "blind_tokens",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("kind", "token", "case_id", name=op.f("pk_blind_tokens")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_blind_tokens_case_id"), "blind_tokens", ["case_id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.Column("registered_at", UtcTime(), nullable=False),
        sa.Column("arrival_point", sa.String(length=40), nullable=False),
        sa.Column("arrival_agency", sa.String(length=32), nullable=False),
        sa.Column("arrival_date", sa.Date(), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=False),
        sa.Column("age_band", sa.String(length=6), nullable=True),
        sa.Column("origin_regency", sa.String(length=5), nullable=True),
        sa.Column("destination_country", sa.String(length=2), nullable=True),
        sa.Column("manifest_id", sa.String(length=36), nullable=True),
        sa.Column("row_key", sa.String(length=64), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("trafficking_status", sa.String(length=40), nullable=True),
        sa.Column("consent_recorded", sa.Boolean(), nullable=False),
        sa.Column("referral_id", sa.String(length=36), nullable=True),
        sa.Column("referral_status", sa.String(length=10), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=True),
        sa.Column("facility_agency", sa.String(length=32), nullable=True),
        sa.Column("stay_status", sa.String(length=12), nullable=False),
        sa.Column("return_status", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
        sa.UniqueConstraint("key_id", name=op.f("uq_cases_key_id")),
    )
    op.create_index("ix_cases_arrival_point", "cases", ["arrival_point", "case_id"], unique=False)
    op.create_index("ix_cases_facility", "cases", ["facility", "case_id"], unique=False)
    op.create_index("ix_cases_manifest", "cases", ["manifest_id", "row_key"], unique=True)
    op.create_table(
        "consent_records",
        sa.Column("record_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("decisions", sa.JSON(), nullable=False),
        sa.Column("given_by", sa.String(length=10), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("guardian", sa.LargeBinary(), nullable=True),
        sa.Column("witness", sa.LargeBinary(), nullable=True),
        sa.Column("recorded_by", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_consent_records")),
    )
    op.create_index(op.f("ix_consent_records_case_id"), "consent_records", ["case_id"], unique=False)
    op.create_table(
        "consents",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("given_by", sa.String(length=10), nullable=False),
        sa.Column("decided_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "agency", name=op.f("pk_consents")),
    )
    op.create_index(op.f("ix_consents_expires_on"), "consents", ["expires_on"], unique=False)
    op.create_table(
        "manifest_rows",
        sa.Column("manifest_id", sa.String(length=36), nullable=False),
        sa.Column("row_key", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.Column("known_case", sa.String(length=36), nullable=True),
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.Column("staged", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("manifest_id", "row_key", name=op.f("pk_manifest_rows")),
    )
    op.create_table(
        "manifests",
        sa.Column("manifest_id", sa.String(length=36), nullable=False),
        sa.Column("arrival_point", sa.String(length=40), nullable=False),
        sa.Column("arrival_agency", sa.String(length=32), nullable=False),
        sa.Column("arrival_date", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.PrimaryKeyConstraint("manifest_id", name=op.f("pk_manifests")),
    )
    op.create_index(op.f("ix_manifests_arrival_point"), "manifests", ["arrival_point"], unique=False)
    op.create_table(
        "places",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("regency", sa.String(length=5), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_places")),
    )
    op.create_table(
        "referrals",
        sa.Column("referral_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_referrals")),
    )
    op.create_index(op.f("ix_referrals_case_id"), "referrals", ["case_id"], unique=False)
    op.create_index(
        "one_pending_referral",
        "referrals",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_table(
        "screenings",
        sa.Column("screening_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("trafficking_status", sa.String(length=40), nullable=False),
        sa.Column("decided_by", sa.String(length=40), nullable=False),
        sa.Column("methods_of_control", sa.JSON(), nullable=False),
        sa.Column("types_of_exploitation", sa.JSON(), nullable=False),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.Column("care_layer", sa.Integer(), nullable=True),
        sa.Column("circumstances", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("screening_id", name=op.f("pk_screenings")),
    )
    op.create_index(op.f("ix_screenings_case_id"), "screenings", ["case_id"], unique=False)
    op.create_table(
        "seats",
        sa.Column("trip_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("regency", sa.String(length=5), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.PrimaryKeyConstraint("trip_id", "case_id", name=op.f("pk_seats")),
    )
    op.create_index(op.f("ix_seats_case_id"), "seats", ["case_id"], unique=False)
    op.create_index(
        "one_open_seat",
        "seats",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('planned', 'departed')"),
        postgresql_where=sa.text("status IN ('planned', 'departed')"),
    )
    op.create_table(
        "trips",
        sa.Column("trip_id", sa.String(length=36), nullable=False),
        sa.Column("mode", sa.String(length=10), nullable=False),
        sa.Column("from_facility", sa.String(length=40), nullable=False),
        sa.Column("facility_agency", sa.String(length=32), nullable=False),
        sa.Column("departs_on", sa.Date(), nullable=False),
        sa.Column("departed_at", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("trip_id", name=op.f("pk_trips")),
    )
    op.create_index(op.f("ix_trips_from_facility"), "trips", ["from_facility"], unique=False)
    op.create_table(
        "identities",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("birth_date", sa.LargeBinary(), nullable=True),
        sa.Column("nik", sa.LargeBinary(), nullable=True),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"], name=op.f("fk_identities_case_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_identities")),
    )
