"""A database that may be older than the bus takes no writes until the two were compared."""

import asyncio
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from pulang.app import definition
from shared.bus.embedded import EmbeddedBus
from shared.bus.protocol import BusUnavailable
from shared.database.protocol import DatabaseUnavailable
from shared.ground import embedded
from shared.restoring import noticing
from shared.restoring.noticing import DatabaseMoved
from shared.security.roles import Roles
from shared.security.tokens import DevelopmentIssuer
from shared.service import Service
from shared.settings import ROLES, Settings
from tests.world import running

BODY = {"name": "Pos", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}


class Server:
    """Which one the databases say that they are on."""

    name: str | None = "1/1"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    here = Server()
    monkeypatch.setattr(noticing, "server_of", lambda _: here.name)
    return here


@pytest.fixture
def settings_folder(migrated_folder: Path, tmp_path: Path) -> Settings:
    """A data folder of its own."""
    shutil.copytree(migrated_folder, tmp_path / "data")
    return Settings(tmp_path / "data")


def _intake(settings: Settings) -> tuple[EmbeddedBus, Service]:
    """The one service, as a process of its own would have it."""
    bus, one = EmbeddedBus(settings.bus), definition("intake")
    verifier = DevelopmentIssuer(settings.keys).verifier(Roles.load(ROLES))
    return bus, Service(one, embedded(settings, "intake", one.migrations), bus, verifier)


async def test_on_another_server_nothing_is_written_before_the_bus_was_asked(
    server: Server, settings_folder: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(settings_folder) as before:
        await before.open_post()
        await before.settled()
    asked, may_answer = asyncio.Event(), asyncio.Event()
    extents = EmbeddedBus.extents

    async def late(bus: EmbeddedBus, topic: str) -> object:
        asked.set()
        await may_answer.wait()
        return await extents(bus, topic)

    monkeypatch.setattr(EmbeddedBus, "extents", late)
    server.name = "1/2"
    bus, service = _intake(settings_folder)
    await bus.start()
    await service.open()
    with pytest.raises(DatabaseUnavailable, match="restored or moved"):
        await service.desk.write(lambda work: None)
    attending = asyncio.create_task(service.attend())
    await asked.wait()
    with pytest.raises(DatabaseUnavailable):
        await service.desk.write(lambda work: None)
    may_answer.set()
    await attending

    await service.desk.write(lambda work: None)
    await service.stop()
    await bus.stop()


async def test_on_the_same_server_writes_are_taken_while_the_bus_is_away(
    server: Server, settings_folder: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(settings_folder) as before:
        await before.open_post()

    async def away(bus: EmbeddedBus, topic: str) -> object:
        raise BusUnavailable("away")

    monkeypatch.setattr(EmbeddedBus, "extents", away)
    bus, service = _intake(settings_folder)
    await bus.start()
    await service.open()
    with pytest.raises(BusUnavailable):
        await service.attend()
    await service.desk.write(lambda work: None)
    assert not service.relay.may_send
    await service.stop()
    await bus.stop()


async def test_a_process_ends_when_another_server_takes_over(server: Server, settings_folder: Settings) -> None:
    async with running(settings_folder) as pulang:
        await pulang.open_post()
        service: Service = cast(Any, pulang.client)._transport.app.state.services["intake"]
        server.name = "1/2"
        async with asyncio.timeout(30):
            while service.failed() is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert isinstance(service.failed(), DatabaseMoved)
        answer = await pulang.administrator.put("/intake/arrival-points/TPI", BODY)
        assert answer.status_code == 503
