"""What waits for the relay stands in a table of its own."""

from shared.migrations import spine_0003

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    spine_0003.upgrade()
