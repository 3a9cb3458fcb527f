"""Persons may be erased."""

from shared.migrations import spine_0005

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    spine_0005.upgrade()
