"""What a restored database needs."""

from shared.migrations import spine_0002

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    spine_0002.upgrade()
