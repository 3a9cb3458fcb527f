"""Agencies and their policies stand in the database, where an administrator changes them."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from shared.database.types import UtcTime

revision = "0005"
down_revision = "0004"

ALERTS = ["pulang.psychosocial.alert_raised.v1"]
FOUNDERS = {
    "bp2mi": ("KP2MI/BP2MI", "government_agency"),
    "iom": ("IOM Indonesia", "international_organisation"),
    "kemensos": ("Kementerian Sosial", "ministry"),
}
"""Until now they stood in a file, which nobody could change at run time."""
SINCE = datetime(2026, 11, 23, tzinfo=UTC)


def upgrade() -> None:
    policies = op.create_table(
        "agency_policies",
        sa.Column("agency", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("withheld", sa.JSON(), nullable=False),
        sa.Column("withheld_fields", sa.JSON(), nullable=False),
        sa.Column("member", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcTime(), nullable=False),
        sa.Column("changed_by", sa.String(length=256), nullable=False),
        sa.PrimaryKeyConstraint("agency", "version", name=op.f("pk_agency_policies")),
    )
    op.bulk_insert(
        policies,
        [
            {
                "agency": agency,
                "version": 1,
                "name": name,
                "kind": kind,
                "withheld": ALERTS,
                "withheld_fields": {},
                "member": True,
                "changed_at": SINCE,
                "changed_by": "pulang",
            }
            for agency, (name, kind) in FOUNDERS.items()
        ],
    )
    # Where events were heard already, their logs are open.
    agencies = sa.table("agencies", sa.column("agency"), sa.column("last"), sa.column("sent"))
    known = set(op.get_bind().scalars(sa.select(agencies.c.agency)))
    op.bulk_insert(agencies, [{"agency": one, "last": 0, "sent": 0} for one in FOUNDERS if one not in known])
