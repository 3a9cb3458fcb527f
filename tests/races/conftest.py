"""Everything here runs over a real PostgreSQL: SQLite has one writer."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.on_postgres)


@pytest.fixture(autouse=True)
def _on_postgres(database: None) -> None:
    """See `database` in tests/conftest.py."""
