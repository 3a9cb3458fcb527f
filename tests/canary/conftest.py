"""One walk over one process, with its faults; the tests look at what it left behind."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canary.embedded import Embedded


@pytest.fixture(scope="module")
def walked(migrated_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """All of it was done, and Pulang has stopped."""
    folder = tmp_path_factory.mktemp("walked")
    shutil.copytree(migrated_folder, folder / "data")
    one = Embedded(folder)
    try:
        asyncio.run(one.run())
        yield one
    finally:
        one.end()
