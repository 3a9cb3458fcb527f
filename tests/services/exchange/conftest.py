"""Fixtures: an exchange that hears what the narrator tells."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.settings import Settings
from tests.services.exchange.hearing import Exchange, Narrator, listening


@pytest.fixture(scope="session")
def migrated_exchange(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder on which an exchange ran once."""
    folder = tmp_path_factory.mktemp("exchange") / "data"

    async def start_and_stop() -> None:
        async with listening(Settings(folder)):
            pass

    asyncio.run(start_and_stop())
    return folder


@pytest.fixture
def settings(migrated_exchange: Path, tmp_path: Path) -> Settings:
    folder = tmp_path / "data"
    shutil.copytree(migrated_exchange, folder)
    return Settings(folder)


@pytest_asyncio.fixture
async def exchange(settings: Settings) -> AsyncIterator[Exchange]:
    async with listening(settings) as one:
        yield one


@pytest.fixture
def narrator() -> Narrator:
    return Narrator()
