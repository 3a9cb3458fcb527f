"""`pulang dead-letters` as an operator uses it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import Record
from shared.events.fact import LIFECYCLE
from shared.service import SERVICE_TOPICS
from shared.settings import Settings
from tests.system.command import pulang, up

KEY = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
SECRET = "Rahasia Sekali"


@pytest.fixture
def data(migrated_folder: Path, tmp_path: Path) -> Path:
    """A folder on whose bus stands what is no event."""
    folder = tmp_path / "data"
    shutil.copytree(migrated_folder, folder)

    async def spoil() -> None:
        bus = EmbeddedBus(Settings(folder).bus)
        await bus.start()
        await bus.declare(SERVICE_TOPICS)
        await bus.publish([Record(LIFECYCLE, KEY, SECRET.encode(), 1_578_052_800_000)])
        await bus.stop()

    asyncio.run(spoil())
    return folder


def test_what_is_parked_is_listed_shown_and_given_up(data: Path) -> None:
    with up(data):
        here = ("--data", data)
        while len(pulang("dead-letters", "list", "--json", *here).json()["items"]) < 6:  # five services, one twice
            pass
        shown = pulang("dead-letters", "show", "aid", KEY, *here)
        assert "aid.reactions: bytes that are no event; undecodable" in shown.out
        assert SECRET not in shown.out
        (item,) = pulang("dead-letters", "show", "aid", KEY, "--json", *here).json()["items"]
        assert item["streamversion"] is None

        give_up = ("dead-letters", "discard", "aid", KEY, "--reason", "foreign", *here)
        assert "still tried again by itself" in pulang(*give_up).line
        assert "aid: 1 events" in pulang(*give_up, "--now").out
        assert "Nothing is parked" in pulang(*give_up).line
        assert "reason" in pulang("dead-letters", "discard", "aid", KEY, "--reason", "bored", *here).line
        assert "name one" in pulang("dead-letters", "discard", "exchange", KEY, "--reason", "foreign", *here).line
        assert "no service" in pulang("dead-letters", "show", "laundry", KEY, *here).line
        services = {one["service"] for one in pulang("dead-letters", "list", "--json", *here).json()["items"]}
        assert services == {"intake", "shelter", "psychosocial", "exchange"}
