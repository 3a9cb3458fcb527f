"""The tables of aid as they began, and those that every service has."""

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
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_cases")),
    )
    op.create_table(
        "stores",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("regency", sa.String(length=5), nullable=False),
        sa.Column("time_zone", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_stores")),
    )
    op.create_index(op.f("ix_stores_agency"), "stores", ["agency"], unique=False)
    op.create_table(
        "donations",
        sa.Column("donation_id", sa.String(length=36), nullable=False),
        sa.Column("donor", sa.String(length=200), nullable=False),
        sa.Column("donor_agency", sa.String(length=32), nullable=True),
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("store", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("contents", sa.JSON(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("pledged_at", UtcTime(), nullable=False),
        sa.Column("pledged_on", sa.Date(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["store"], ["stores.code"], name=op.f("fk_donations_store")),
        sa.PrimaryKeyConstraint("donation_id", name=op.f("pk_donations")),
    )
    op.create_index(op.f("ix_donations_store"), "donations", ["store"], unique=False)
    op.create_table(
        "ledger",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("entry_id", sa.String(length=36), nullable=False),
        sa.Column("store", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("ref_id", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=10), nullable=True),
        sa.Column("on_date", sa.Date(), nullable=False),
        sa.Column("occurred_at", UtcTime(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False),
        sa.CheckConstraint("change <> 0", name=op.f("ck_ledger_changes_something")),
        sa.ForeignKeyConstraint(["store"], ["stores.code"], name=op.f("fk_ledger_store")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_ledger")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_ledger_entry_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledger_kind_day", "ledger", ["kind", "on_date"], unique=False)
    op.create_index(op.f("ix_ledger_ref_id"), "ledger", ["ref_id"], unique=False)
    op.create_index("ix_ledger_store_item", "ledger", ["store", "item", "position"], unique=False)
    op.create_table(
        "requests",
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("from_store", sa.String(length=40), nullable=False),
        sa.Column("to_store", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("approval", sa.String(length=10), nullable=False),
        sa.Column("approved", sa.Integer(), nullable=True),
        sa.Column("dispatched", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("fulfilment", sa.String(length=10), nullable=False),
        sa.Column("submitted_at", UtcTime(), nullable=False),
        sa.Column("submitted_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["from_store"], ["stores.code"], name=op.f("fk_requests_from_store")),
        sa.ForeignKeyConstraint(["to_store"], ["stores.code"], name=op.f("fk_requests_to_store")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_requests")),
    )
    op.create_index(op.f("ix_requests_from_store"), "requests", ["from_store"], unique=False)
    op.create_index(op.f("ix_requests_to_store"), "requests", ["to_store"], unique=False)
    op.create_table(
        "stock",
        sa.Column("store", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity >= 0", name=op.f("ck_stock_never_negative")),
        sa.ForeignKeyConstraint(["store"], ["stores.code"], name=op.f("fk_stock_store")),
        sa.PrimaryKeyConstraint("store", "item", name=op.f("pk_stock")),
    )
    op.create_table(
        "shipments",
        sa.Column("shipment_id", sa.String(length=36), nullable=False),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("from_store", sa.String(length=40), nullable=False),
        sa.Column("to_store", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=80), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("dispatched_at", UtcTime(), nullable=False),
        sa.Column("dispatched_on", sa.Date(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.CheckConstraint("received <= quantity", name=op.f("ck_shipments_no_more_than_sent")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.request_id"], name=op.f("fk_shipments_request_id")),
        sa.PrimaryKeyConstraint("shipment_id", name=op.f("pk_shipments")),
    )
    op.create_index(op.f("ix_shipments_from_store"), "shipments", ["from_store"], unique=False)
    op.create_index(op.f("ix_shipments_request_id"), "shipments", ["request_id"], unique=False)
    op.create_index(op.f("ix_shipments_to_store"), "shipments", ["to_store"], unique=False)
