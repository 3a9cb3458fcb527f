"""Every test of this folder runs over every backend."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.protocol import Bus
from tests.contract.bus.backends import BACKENDS, Backend


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.__name__)
async def bus_backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    backend: Backend = request.param(tmp_path)
    yield backend
    await backend.close()


@pytest.fixture
async def bus(bus_backend: Backend) -> Bus:
    return await bus_backend.open()
