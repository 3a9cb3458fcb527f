"""Every test of a service runs over the databases that were chosen for it."""

import pytest


@pytest.fixture(autouse=True)
def _over_the_chosen_database(database: None) -> None:
    """See `database` in tests/conftest.py."""
