"""The tables of shelter as they began, and those that every service has."""

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime
from shared.migrations import spine_0001

revision = "0001"
down_revision = None


def upgrade() -> None:
    spine_0001.upgrade()
    op.create_table(
        "cases",
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=True),
        sa.Column("age_band", sa.String(length=6), nullable=True),
        sa.Column("needs", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    op.create_table(
        "facilities",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("regency", sa.String(length=5), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_facilities")),
    )
    op.create_index(op.f("ix_facilities_agency"), "facilities", ["agency"], unique=False)
    op.create_table(
        "referrals",
        sa.Column("referral_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_referrals")),
    )
    op.create_index("ix_referrals_case", "referrals", ["case_id"], unique=False)
    op.create_index("ix_referrals_facility", "referrals", ["facility", "referral_id"], unique=False)
    op.create_table(
        "rooms",
        sa.Column("room_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("room_type", sa.String(length=10), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["facility"], ["facilities.code"], name=op.f("fk_rooms_facility")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_rooms")),
        sa.UniqueConstraint("facility", "name", name=op.f("uq_rooms_facility_name")),
    )
    op.create_table(
        "stays",
        sa.Column("stay_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=12), nullable=True),
        sa.CheckConstraint("until_date IS NULL OR until_date > from_date", name=op.f("ck_stays_a_night_at_least")),
        sa.ForeignKeyConstraint(["facility"], ["facilities.code"], name=op.f("fk_stays_facility")),
        sa.PrimaryKeyConstraint("stay_id", name=op.f("pk_stays")),
    )
    op.create_index("ix_stays_case", "stays", ["case_id"], unique=False)
    op.create_index("ix_stays_facility", "stays", ["facility", "stay_id"], unique=False)
    op.create_table(
        "beds",
        sa.Column("bed_id", sa.String(length=36), nullable=False),
        sa.Column("room_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("retired_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["facility"], ["facilities.code"], name=op.f("fk_beds_facility")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.room_id"], name=op.f("fk_beds_room_id")),
        sa.PrimaryKeyConstraint("bed_id", name=op.f("pk_beds")),
        sa.UniqueConstraint("room_id", "number", name=op.f("uq_beds_room_id_number")),
    )
    op.create_index("ix_beds_facility", "beds", ["facility"], unique=False)
    op.create_table(
        "segments",
        sa.Column("segment_id", sa.String(length=36), nullable=False),
        sa.Column("stay_id", sa.String(length=36), nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("bed_id", sa.String(length=36), nullable=False),
        sa.Column("facility", sa.String(length=40), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.CheckConstraint("until_date IS NULL OR until_date > from_date", name=op.f("ck_segments_a_night_at_least")),
        sa.ForeignKeyConstraint(["bed_id"], ["beds.bed_id"], name=op.f("fk_segments_bed_id")),
        sa.ForeignKeyConstraint(["stay_id"], ["stays.stay_id"], name=op.f("fk_segments_stay_id")),
        sa.PrimaryKeyConstraint("segment_id", name=op.f("pk_segments")),
    )
    op.create_index("ix_segments_bed", "segments", ["bed_id", "from_date"], unique=False)
    op.create_index("ix_segments_case", "segments", ["case_id", "from_date"], unique=False)
    op.create_index("ix_segments_facility", "segments", ["facility", "until_date"], unique=False)
    op.create_index("ix_segments_stay", "segments", ["stay_id"], unique=False)
