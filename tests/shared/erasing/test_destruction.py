"""Doomed keys are destroyed after the commit, in whatever order things fail; and never without one."""

import asyncio
from pathlib import Path

import pytest

from services.psychosocial.main import PSYCHOSOCIAL
from shared.database.protocol import DatabaseUnavailable
from shared.erasing.destroying import Destruction
from shared.erasing.table import DESTROYED, DOOMED, GONE, count_not_gone, doom, not_gone
from shared.ground import Ground
from shared.security.keys import DestructionUnfinished, KeyDestroyed
from shared.settings import Settings
from shared.work import Desk, Work
from tests.stores import Chosen

pytestmark = [pytest.mark.either_database, pytest.mark.usefixtures("database")]
STEPS_AT_MOST = 200


class Broken(Exception):
    """What went wrong in a test."""


class Office:
    """A service's database and key store, without the service."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(folder / "data")
        settings.keys.mkdir(parents=True, exist_ok=True)
        self.ground: Ground = Chosen.databases.ground(settings, "psychosocial", PSYCHOSOCIAL.migrations)
        self.desk = Desk("psychosocial", self.ground.database, self.ground.secrets, self.ground.keys)
        self.destruction = Destruction("psychosocial", self.ground, ("answers", "case_keys"))

    async def __aenter__(self) -> "Office":
        await self.ground.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.destruction.stop()
        await self.ground.close()

    async def keys(self, count: int) -> list[str]:
        return [key.id for key in await asyncio.to_thread(self.ground.keys.take, count)]

    async def doom(self, keys: list[str], *, fail: bool = False) -> None:
        def change(work: Work) -> None:
            doom(work.session, keys, 0)
            if fail:
                raise Broken

        await self.desk.write(change)

    async def is_there(self, key: str) -> bool:
        try:
            await asyncio.to_thread(self.ground.keys.get, key)
        except KeyDestroyed:
            return False
        return True

    async def states(self) -> dict[str, str]:
        return await self.desk.read(lambda session: not_gone(session, 100))

    async def until_gone(self) -> None:
        for _ in range(STEPS_AT_MOST):
            if not await self.states():
                return
            await self.destruction.go_on()
            await asyncio.sleep(0.02)
        raise AssertionError(await self.states())


async def test_a_committed_erasure_destroys_its_keys_and_no_others(tmp_path: Path) -> None:
    async with Office(tmp_path) as office:
        first, second, other = await office.keys(3)
        await office.doom([first, second])
        assert await office.is_there(first)
        assert await office.desk.read(count_not_gone) == 2
        await office.until_gone()
        assert await office.desk.read(count_not_gone) == 0
        assert [await office.is_there(key) for key in (first, second, other)] == [False, False, True]


async def test_one_that_is_rolled_back_destroys_nothing(tmp_path: Path) -> None:
    async with Office(tmp_path) as office:
        (key,) = await office.keys(1)
        with pytest.raises(Broken):
            await office.doom([key], fail=True)
        for _ in range(3):
            await office.destruction.go_on()
        assert await office.is_there(key)


@pytest.mark.parametrize("step", ["before the key store", "after the key store", "while scrubbing", "after scrubbing"])
async def test_whenever_the_process_ends_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async with Office(tmp_path) as office:
        (key,) = await office.keys(1)
        await office.doom([key])
        if step != "before the key store":
            await asyncio.to_thread(office.ground.keys.destroy, [key])
        if step in ("while scrubbing", "after scrubbing"):
            await office.destruction.go_on()
            assert await office.states() == {key: DESTROYED}
        if step == "after scrubbing":
            assert office.destruction._scrubbing is not None
            await asyncio.wait([office.destruction._scrubbing])
    async with Office(tmp_path) as again:
        assert set((await again.states()).values()) <= {DOOMED, DESTROYED}
        await again.destruction.all_again()
        assert not await again.is_there(key)
        await again.until_gone()
        assert await again.states() == {}


async def test_a_key_store_that_is_away_or_read_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Office(tmp_path) as office:
        (key,) = await office.keys(1)
        await office.doom([key])
        destroy = office.ground.keys.destroy
        failures: list[Exception] = [DatabaseUnavailable("away"), DestructionUnfinished()]

        def unwilling(keys: object) -> int:
            done = 0
            if failures and isinstance(failures[0], DestructionUnfinished):
                done = destroy(keys)  # type: ignore[arg-type]
            if failures:
                raise failures.pop(0)
            return done + destroy(keys)  # type: ignore[arg-type]

        monkeypatch.setattr(office.ground.keys, "destroy", unwilling)
        with pytest.raises(DatabaseUnavailable):
            await office.destruction.go_on()
        assert await office.states() == {key: DOOMED}
        await office.until_gone()
        assert not await office.is_there(key)


async def test_keys_that_came_back_with_an_older_key_store_go_before_anything_else(tmp_path: Path) -> None:
    """As if: rows of the database say gone, and the store still has the key."""
    async with Office(tmp_path) as office:
        keys = await office.keys(1_200)
        doomed, kept = keys[:1_100], keys[1_100:]
        await office.doom(doomed)
        await office.desk.write(
            lambda work: [work.session.connection().exec_driver_sql(f"UPDATE doomed_keys SET state = '{GONE}'")]
        )
        assert await office.is_there(doomed[0])
        await office.destruction.all_again()
        assert not any([await office.is_there(key) for key in (doomed[0], doomed[555], doomed[-1])])
        assert all([await office.is_there(key) for key in (kept[0], kept[-1])])
        await office.destruction.go_on()  # and their bytes, which nothing in the database asks for
        assert office.destruction._scrubbing is not None
