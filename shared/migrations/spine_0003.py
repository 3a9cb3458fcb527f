"""What is not on the bus yet stands in a table of its own; a row of the event log is never changed."""

import sqlalchemy as sa
from alembic import op

from shared.outbox.triggers import BY_DIALECT


def upgrade() -> None:
    op.create_table(
        "unpublished",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.PrimaryKeyConstraint("position"),
        comment="events that are not known to be on the bus",
    )
    op.execute("INSERT INTO unpublished (position) SELECT position FROM events WHERE NOT published")
    op.drop_index("events_unpublished", table_name="events")
    op.drop_column("events", "published")
    for statement in BY_DIALECT[op.get_bind().dialect.name]:
        op.execute(statement)
