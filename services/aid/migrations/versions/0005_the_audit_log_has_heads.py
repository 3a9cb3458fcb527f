"""The audit log takes longer names, is found by whom and about whom it is, and has heads."""

from shared.migrations import spine_0004

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    spine_0004.upgrade()
