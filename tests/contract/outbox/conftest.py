"""Every test of this folder runs over every pair of a database and a bus."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.work import Desk
from tests.contract.outbox.places import PAIRS, Place


@pytest.fixture(params=PAIRS, ids=lambda pair: "-".join(one.__name__ for one in pair))
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    one = Place(tmp_path, *request.param)
    await one.open()
    yield one
    await one.close()


@pytest.fixture
async def desk(place: Place) -> Desk:
    return await place.desk()
