"""Fixtures of the shelter's tests."""

import pytest_asyncio

from tests.services.shelter.house import House
from tests.world import Pulang


@pytest_asyncio.fixture
async def house(pulang: Pulang) -> House:
    """A shelter with two beds for men, two for women, and two in a family room."""
    return await House.opened(pulang)
