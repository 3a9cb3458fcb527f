"""Nobody copies a caseload by hand: so many identities in so many minutes, whichever replica answers."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.settings import IDENTITY_READS, Environment, Rate, SettingInvalid, Settings, identity_reads_from
from tests.services.intake.story import intake_of, kind, rows_of
from tests.services.intake.test_identity import correct, person, read
from tests.world import Pulang, running

pytestmark = pytest.mark.either_database
MOST = 4


@pytest.fixture
async def slow(migrated_folder: Path, tmp_path: Path) -> AsyncIterator[Pulang]:
    """A Pulang where four in ten minutes are enough."""
    shutil.copytree(migrated_folder, tmp_path / "data")
    async with running(Settings(tmp_path / "data", Rate(MOST, 600))) as one:
        yield one


async def test_after_so_many_there_is_a_wait(slow: Pulang) -> None:
    case, officer = await person(slow), slow.officer()
    for _ in range(MOST):
        assert (await read(officer, case)).status_code == 200
    for _ in range(2):
        answer = await read(officer, case)
        assert kind(answer) == (429, "identity-limited")
        assert 590 <= int(answer.headers["retry-after"]) <= 600
        assert "Contoh" not in answer.text
    assert (await correct(officer, case)).status_code == 429
    outcomes = rows_of(slow, "SELECT action, outcome FROM audit WHERE action LIKE 'identity.%' ORDER BY position")
    assert outcomes == [
        *[("identity.read", "done")] * MOST,
        *[("identity.read", "limited")] * 2,
        ("identity.correct", "limited"),
    ]
    for other in (
        slow.user("arrival_officer", "bp2mi", "TNJ", subject="another"),
        slow.user("supervisor", "bp2mi", "TNJ"),
    ):
        assert (await read(other, case)).status_code == 200


async def test_refusals_count_too_and_corrections(slow: Pulang) -> None:
    case, reader = await person(slow), slow.reader("iom")
    unknown = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10"
    for asked in (case, unknown, case, unknown):
        assert (await read(reader, asked)).status_code == 403
    assert (await read(reader, unknown)).status_code == 429
    assert (await correct(slow.officer(), case)).status_code == 200
    for _ in range(MOST - 1):
        assert (await read(slow.officer(), case)).status_code == 200
    assert (await read(slow.officer(), case)).status_code == 429


async def test_who_waited_comes_in_again_however_often_they_knocked(slow: Pulang) -> None:
    case, officer = await person(slow), slow.officer()
    for _ in range(MOST * 2):
        await read(officer, case)
    earlier = "UPDATE audit SET at_ms = at_ms - 600000 WHERE position = (SELECT min(position) FROM audit WHERE {})"
    from sqlalchemy import text

    change = text(earlier.format("action = 'identity.read'"))
    await intake_of(slow).database.write(lambda session: session.execute(change))
    assert (await read(officer, case)).status_code == 200
    assert (await read(officer, case)).status_code == 429


async def test_many_at_once_are_no_way_around_it(slow: Pulang) -> None:
    case, officer = await person(slow), slow.officer()
    answers = await asyncio.gather(*(read(officer, case) for _ in range(MOST * 4)))
    assert sorted(one.status_code for one in answers) == [200] * MOST + [429] * MOST * 3


def test_the_setting_says_how_many() -> None:
    def said(value: str) -> Rate:
        return identity_reads_from(Environment({"PULANG_IDENTITY_READS": value}))

    assert said("") == IDENTITY_READS == Rate(60, 600)
    assert said("5/60") == Rate(5, 60)
    for wrong in ("5", "5/", "/60", "0/60", "5/0", "-5/60", "5/60/1", "five/60", "5/86401", "1e3/60", "5 / 60"):
        with pytest.raises(SettingInvalid, match="60/600"):
            said(wrong)
