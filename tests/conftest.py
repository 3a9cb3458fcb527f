"""Fixtures for tests that need a whole Pulang."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from xdist.scheduler import LoadFileScheduling

from pulang.collector import collect_seldom
from shared.settings import Settings
from tests.real.kafka import end_brokers
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
    collect_seldom()  # as in what is tested: a tenth of what the tests take in this process
    config.addinivalue_line("markers", "season: plays a whole season, which takes minutes")
    config.addinivalue_line("markers", "either_database: runs over SQLite and over PostgreSQL, whatever is chosen")
    config.addinivalue_line("markers", "on_postgres: runs over PostgreSQL, whatever is chosen")
    config.addinivalue_line("markers", "on_sqlite: runs over SQLite, whatever is chosen: it is about the files")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "database" in metafunc.fixturenames and metafunc.definition.get_closest_marker("either_database"):
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True)


KAFKA = ("tests/contract/bus/", "tests/contract/inbox/", "tests/contract/outbox/", "tests/subscriber/test_kafka.py")
"""Nearly every file there needs one."""
PROVISIONED = ("test_kafka_login.py", "test_backup.py", "test_watch_kafka.py", "test_provision.py")


def _kafka_of(nodeid: str) -> str | None:
    """The Kafka that a test's file needs, if it needs one that others do."""
    file = nodeid.split("::", 1)[0]
    if file.endswith(PROVISIONED):
        return "provisioned"
    return "kafka" if file.startswith(KAFKA) else None


class SameServers(LoadFileScheduling):
    """A file is run by one worker, and so are those that need the same Kafka: each worker would start its own, which
    takes as much of a processor as a hundred tests."""

    def _split_scope(self, nodeid: str) -> str:
        return _kafka_of(nodeid) or str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return SameServers(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first: begun last, it would be waited for by itself."""

    def place(item: pytest.Item) -> int:
        if item.get_closest_marker("season"):
            return 0
        if _kafka_of(item.nodeid) or item.nodeid.startswith("tests/faults/"):
            return 1
        return 2 if item.nodeid.startswith("tests/system/") else 3

    items.sort(key=place)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """After the last of those that need the same Kafka, and its fixtures."""
    needed = _kafka_of(item.nodeid)
    if needed is not None and (nextitem is None or _kafka_of(nextitem.nodeid) != needed):
        end_brokers()


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
