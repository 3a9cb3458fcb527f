"""Persons may be erased."""

from shared.migrations import spine_0004

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    spine_0004.upgrade()
