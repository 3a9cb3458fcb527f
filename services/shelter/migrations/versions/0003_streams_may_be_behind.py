"""What a restored database needs."""

from shared.migrations import spine_0002

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    spine_0002.upgrade()
