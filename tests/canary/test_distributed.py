"""Nothing personal stands in Kafka's logs or PostgreSQL's files, in its dumps, or on a topic."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.prepared import receivers_here
from tests.canary.distributed import Distributed
from tests.real.kafka import start_or_skip
from tests.stores import on_server


@pytest.fixture
def walked(migrated_folder: Path, tmp_path: Path) -> Iterator[Distributed]:
    """Ready to run."""
    shutil.copytree(migrated_folder, tmp_path / "data")
    databases = on_server().emptied()
    broker = start_or_skip(tmp_path / "kafka")
    try:
        with receivers_here():
            yield Distributed(tmp_path, broker, databases)
    finally:
        broker.end()


def test_no_mark_stands_in_kafka_or_postgresql(walked: Distributed) -> None:
    search = asyncio.run(walked.run())
    if search.found:
        pytest.fail(search.report(), pytrace=False)
    assert walked.not_taken == []
    assert all(search.seen.values()), search.seen
    assert search.public >= {place for place in walked.marks.public.values() if " body " in place}
