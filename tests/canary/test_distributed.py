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


HOLD = {
    "answers": "marks words",
    "topics": "words",
    "dumps": "marks words",
    "kafka": "words",
    "postgres": "marks words",
    "logs": "words",
}
"""What is known to stand in each kind of thing: see the embedded test."""


def test_no_mark_stands_in_kafka_or_postgresql(walked: Distributed, capfd: pytest.CaptureFixture[str]) -> None:
    search = asyncio.run(walked.run())
    search.look("logs", [(name, said.encode()) for name, said in zip(("out", "err"), capfd.readouterr(), strict=True)])
    if search.found:
        pytest.fail(search.report(), pytrace=False)
    assert walked.not_taken == []
    assert all(search.seen.values()), search.seen
    assert search.public["dumps"] >= {place for place in walked.marks.public.values() if " body " in place}
    assert search.blind(HOLD) == []
