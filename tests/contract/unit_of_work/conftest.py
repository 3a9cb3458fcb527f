"""Every test of this folder runs over every backend."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.database import Database
from tests.contract.unit_of_work.backends import BACKENDS, Backend


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    one: Backend = request.param(tmp_path)
    yield one
    await one.close()


@pytest.fixture
async def database(backend: Backend) -> Database:
    return await backend.open()
