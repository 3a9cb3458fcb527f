"""After a restore an agency's log goes on behind every cursor that was ever given."""

import asyncio
import shutil
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.services.exchange.hearing import Narrator, listening
from tests.system.command import pulang


@pytest.mark.on_sqlite
async def test_who_reads_a_restored_exchange_from_a_later_cursor_misses_nothing(tmp_path: Path) -> None:
    settings, narrator = Settings(tmp_path / "data"), Narrator()
    settings.data.mkdir(mode=0o700)
    async with listening(settings) as exchange:
        await exchange.hear(narrator.opened("RPTC-A", "kemensos"))
    shutil.copy(settings.database("exchange"), tmp_path / "backup.db")
    async with listening(settings) as exchange:
        await exchange.hear(narrator.opened("RPTC-B", "kemensos"), narrator.opened("RPTC-C", "kemensos"))
        page = await exchange.page("iom")
        before = await exchange.feed("iom")
    shutil.copy(tmp_path / "backup.db", settings.database("exchange"))

    said = await asyncio.to_thread(pulang, "restore-check", "exchange", "--data", settings.data)
    assert said.status == 0, said.err
    async with listening(settings) as exchange:
        await exchange.hear(narrator.opened("RPTC-D", "kemensos"))
        again = (await exchange.page("iom", after=page["next"]))["events"]
        assert [event["id"] for event in again[:2]] == [event["id"] for event in before[1:]]
        assert len(again) == 3
        assert await exchange.feed("iom") == [before[0], *again]
