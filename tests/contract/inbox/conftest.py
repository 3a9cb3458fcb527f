"""Every test of this folder runs over every pair of a database and a bus, with a timer that does not idle."""

import pytest

from shared.consuming import loop as loop_module
from tests.contract.outbox.conftest import desk, place

__all__ = ["desk", "place"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_module, "RETRY_TICK_SECONDS", 0.02)
    monkeypatch.setattr(loop_module, "BACKOFF_SECONDS", (0.01,))
