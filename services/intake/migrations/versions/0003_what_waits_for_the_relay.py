"""What waits for the relay stands in a table of its own."""

from shared.migrations import spine_0003

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    spine_0003.upgrade()
