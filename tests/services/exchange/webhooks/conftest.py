"""Fixtures: an exchange with a receiver of its webhooks."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from shared.settings import Settings
from tests.services.exchange.webhooks.receiving import Site, site


@pytest_asyncio.fixture
async def place(settings: Settings, tmp_path: Path) -> AsyncIterator[Site]:
    async with site(settings, tmp_path) as one:
        yield one
