"""Fixtures for tests that need a whole Pulang."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.settings import Settings
from tests.stores import Chosen, Embedded, on_server
from tests.world import Pulang, running


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="what tests/services run over",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "either_database: runs over SQLite and over PostgreSQL, whatever is chosen")
    config.addinivalue_line("markers", "on_postgres: runs over PostgreSQL, whatever is chosen")
    config.addinivalue_line("markers", "alone: takes both cores, or looks at a clock: nothing runs beside it")
    config.addinivalue_line("markers", "on_sqlite: runs over SQLite, whatever is chosen: it is about the files")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames and metafunc.definition.get_closest_marker("either_database"):
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first: begun last, it would be waited for by itself."""
    items.sort(key=lambda item: (item.get_closest_marker("season") is None, "/system/" not in item.nodeid))


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


@pytest.fixture
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The services' databases are empty ones of the kind that the test is marked for, or that was chosen."""
    kind: str = getattr(request, "param", None) or request.config.getoption("--database")
    for other in ("postgres", "sqlite"):
        kind = other if request.node.get_closest_marker(f"on_{other}") else kind
    monkeypatch.setattr(Chosen, "databases", on_server().emptied() if kind == "postgres" else Embedded())


@pytest_asyncio.fixture
async def pulang(migrated_folder: Path, tmp_path: Path) -> AsyncIterator[Pulang]:
    """A fresh Pulang."""
    folder = tmp_path / "data"
    shutil.copytree(migrated_folder, folder)
    async with running(Settings(folder)) as one:
        yield one
