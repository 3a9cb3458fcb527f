"""Everything here runs over a real PostgreSQL: SQLite has one writer.

To start five services takes longer than a race, so the stories of a file are told to one Pulang, each on empty tables.
"""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.settings import Settings
from tests.stores import Chosen, on_server
from tests.world import Pulang, running


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    """The services' databases are empty ones, but for what tells who is running on them."""
    monkeypatch.setattr(Chosen, "databases", on_server().emptied(but=("relay_lease", "home")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pulang]:
    """For all stories of a file."""
    folder = tmp_path_factory.mktemp("races") / "data"
    shutil.copytree(migrated_folder, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Chosen, "databases", on_server().emptied())
        async with running(Settings(folder)) as one:
            yield one


@pytest_asyncio.fixture(loop_scope="module")
async def pulang(started: Pulang, database: None) -> AsyncIterator[Pulang]:
    """Nothing is under way when the next story begins."""
    yield started
    await started.settled()
