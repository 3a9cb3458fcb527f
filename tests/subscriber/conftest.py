"""Fixtures: a copy in a file, and what it follows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.subscriber.copying import Copy
from tests.subscriber.standin import Exchange
from tests.subscriber.telling import Telling


@pytest.fixture
def telling() -> Telling:
    return Telling()


@pytest.fixture
def exchange(telling: Telling) -> Iterator[Exchange]:
    one = Exchange(telling)
    yield one
    one.close()


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Copy]:
    one = Copy(tmp_path / "copy.db")
    yield one
    one.store.close()
