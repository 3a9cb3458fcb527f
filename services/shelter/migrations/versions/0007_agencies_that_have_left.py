"""Agencies that have left the exchange."""

from shared.migrations import spine_0006

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    spine_0006.upgrade()
