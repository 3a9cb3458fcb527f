"""Fixtures for tests that need a whole Pulang."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.settings import Settings
from tests.world import Pulang, running


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder on which Pulang ran once: migrating five databases for every test would take the longest."""
    folder = tmp_path_factory.mktemp("migrated") / "data"
    folder.mkdir()

    async def start_and_stop() -> None:
        async with running(Settings(folder)):
            pass

    asyncio.run(start_and_stop())
    return folder


@pytest_asyncio.fixture
async def pulang(migrated_folder: Path, tmp_path: Path) -> AsyncIterator[Pulang]:
    """A fresh Pulang."""
    folder = tmp_path / "data"
    shutil.copytree(migrated_folder, folder)
    async with running(Settings(folder)) as one:
        yield one
