"""The backends that have to pass this suite, and the features that each may lack.

To add one: write its class here and enter it in `BACKENDS` (and in `open_bus`, for the tests with other processes).
"""

import json
from abc import ABC, abstractmethod
from enum import Enum
from pathlib import Path
from uuid import uuid4

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.kafka import KafkaBus
from shared.bus.protocol import Bus
from tests.real.kafka import running_kafka


class Feature(Enum):
    """What a test may need beyond the protocol."""

    REOPEN = "a bus that is stopped and opened again on the same log"
    OTHER_PROCESS = "the log can be opened by another process when this one has none open"
    RETENTION_NOW = "retention can be told to run now"
    LOCAL_DISK = "the log is a file of this process, so that a full disk can be played"
    FAST_REBALANCE = "a rebalance takes milliseconds, not seconds"


class Backend(ABC):
    """One log, and the buses that are opened on it."""

    features: frozenset[Feature]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._opened: list[Bus] = []
        self._suffix = uuid4().hex[:8]

    @property
    @abstractmethod
    def address(self) -> str:
        """What `open_bus` needs, as JSON."""

    async def enforce_retention(self, bus: Bus) -> None:
        raise NotImplementedError

    def require(self, feature: Feature) -> None:
        """Skips the test where the feature is missing."""
        if feature not in self.features:
            pytest.skip(f"{type(self).__name__} lacks {feature.name}: {feature.value}")

    def name(self, word: str) -> str:
        """A name of a topic or group that no other test uses."""
        return f"{word}.{self._suffix}"

    async def open(self) -> Bus:
        """A started bus on the log."""
        bus = open_bus(self.address)
        await bus.start()
        self._opened.append(bus)
        return bus

    async def close(self) -> None:
        for bus in self._opened:
            await bus.stop()


class Embedded(Backend):
    """Live readers are served from memory."""

    features = frozenset(Feature)
    latest_bytes = 16 * 1024 * 1024

    @property
    def address(self) -> str:
        place = str(self.folder / "bus.sqlite")
        return json.dumps({"backend": "embedded", "path": place, "latest_bytes": self.latest_bytes})

    async def enforce_retention(self, bus: Bus) -> None:
        assert isinstance(bus, EmbeddedBus)
        await bus.drop_expired()


class EmbeddedWithoutMemory(Embedded):
    """Every read goes to the file."""

    latest_bytes = 0


class Kafka(Backend):
    """A real broker, one for all tests. It drops whole segments when it likes, its log is on another machine, and a
    rebalance waits for heartbeats."""

    features = frozenset(Feature) - {Feature.LOCAL_DISK, Feature.RETENTION_NOW, Feature.FAST_REBALANCE}

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._broker = running_kafka(folder.parent)

    @property
    def address(self) -> str:
        return json.dumps({"backend": "kafka", "bootstrap": self._broker.bootstrap})


BACKENDS: tuple[type[Backend], ...] = (Embedded, EmbeddedWithoutMemory, Kafka)


def open_bus(address: str) -> Bus:
    """A bus that is not started yet."""
    about = json.loads(address)
    match about["backend"]:
        case "embedded":
            return EmbeddedBus(Path(about["path"]), latest_bytes=about["latest_bytes"])
        case "kafka":
            return KafkaBus(about["bootstrap"], heartbeat_seconds=0.1)
    raise ValueError(f"no backend is called {about['backend']}")
