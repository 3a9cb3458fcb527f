"""`pulang audit verify`, as an operator runs it; and what a restore does to an audit log."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.system.command import Said, Up, ask, pulang, up
from tests.world import running

Change = Callable[[sqlite3.Connection], object]
POST = {"name": "Pos", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}


def change(data: Path, statement: str) -> None:
    with sqlite3.connect(Settings(data).database("intake")) as file:
        file.execute(statement)
    file.close()


def verify(data: Path, *more: object) -> Said:
    return pulang("audit", "verify", *more, "--data", data)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder on which posts were opened and people registered; nobody runs on it."""
    data = tmp_path_factory.mktemp("audit") / "data"
    data.mkdir(mode=0o700)

    async def live() -> None:
        async with running(Settings(data)) as one:
            await one.open_post()
            for _ in range(5):
                await one.register()

    asyncio.run(live())
    return data


@pytest.fixture
def data(lived: Path, tmp_path: Path) -> Path:
    shutil.copytree(lived, tmp_path / "data")
    return tmp_path / "data"


def test_what_was_stopped_in_peace_is_whole_and_published_to_its_last_row(data: Path) -> None:
    said = verify(data)
    assert said.status == 0, said.out + said.err
    assert said.out.splitlines()[0].startswith("intake: 6 rows, published up to 6, last head of 20")
    assert said.out.splitlines()[0].endswith(": whole")
    assert [line.split(":")[0] for line in said.out.splitlines()] == [
        "intake",
        "shelter",
        "aid",
        "psychosocial",
        "exchange",
    ]
    assert verify(data, "intake", "--json").json()["services"][0]["findings"] == []
    assert "there is no service 'kitchen'" in verify(data, "kitchen").line


def test_each_finding_is_a_line_with_its_place(data: Path) -> None:
    for statement, line in (
        ("UPDATE audit SET actor = 'nobody' WHERE number = 3", "intake: number 3: edited"),
        ("DELETE FROM audit WHERE number = 2", "intake: number 2: removed"),
        ("DELETE FROM audit WHERE number > 4", "intake: tail cut off after 4: it went to 6, as published at 20"),
        ("DELETE FROM audit_heads WHERE sequence = 1", "intake: head 1: published, and no longer in the database"),
    ):
        file = Settings(data).database("intake")
        shutil.copy(file, data / "kept")
        change(data, statement)
        said = verify(data, "intake")
        assert said.status == 1, statement
        assert any(one.startswith(line) for one in said.out.splitlines()), said.out
        assert said.err == "pulang: the audit log of intake is not what was written: keep a copy\n"
        for part in data.glob("intake.db*"):
            part.unlink()
        shutil.move(data / "kept", file)
    assert verify(data).status == 0


def test_nothing_is_changed_by_looking(data: Path) -> None:
    def rows() -> list[object]:
        with sqlite3.connect(Settings(data).database("intake")) as file:
            return [file.execute(f"SELECT * FROM {table}").fetchall() for table in ("audit", "audit_heads")]

    before = rows()
    verify(data)
    assert rows() == before


def test_a_running_pulang_is_asked_and_a_killed_one_is_read(data: Path) -> None:
    with up(data) as one:
        said = verify(data, "intake")
        assert said.status == 0, said.out + said.err
        change(data, "UPDATE audit SET actor = 'nobody' WHERE number = 3")
        assert "intake: number 3: edited" in verify(data, "intake").out
        assert "intake: number 3: edited" in pulang("audit", "verify", "--url", one.url, "--data", data).out
        change(data, "UPDATE audit SET actor = 'administrator@kemensos' WHERE number = 3")
        told = ask(data, one.url, "/intake/operations/audit")["findings"]
        assert [finding["number"] for finding in told] == [3]
        change(data, "UPDATE audit SET actor = 'arrival_officer@bp2mi' WHERE number = 3")
        _open_post(data, one, "KIL")
        one.kill()
    said = verify(data, "intake")
    assert said.status == 0, said.out + said.err
    assert "intake: 7 rows" in said.out
    with up(data):
        pass
    assert "published up to 7" in verify(data, "intake").out


def test_a_folder_without_a_pulang_is_told(tmp_path: Path) -> None:
    assert "no Pulang runs on" in verify(tmp_path / "nothing").line
    assert not (tmp_path / "nothing").exists()


def test_a_restore_is_noticed_even_where_nothing_but_the_audit_log_lacks(data: Path, tmp_path: Path) -> None:
    """Reading an identity is told in no event: the heads alone know of it."""
    file = Settings(data).database("intake")
    shutil.copy(file, tmp_path / "backup.db")
    asyncio.run(_read_identities(data, 3))
    assert "published up to 9" in verify(data, "intake").out
    for part in data.glob("intake.db*"):
        part.unlink()
    shutil.copy(tmp_path / "backup.db", file)

    lost = verify(data, "intake")
    assert lost.status == 1
    assert "intake: tail cut off after 6: it went to 9, as published at 20" in lost.out
    refused = pulang("up", "--data", data, "--port", 0)
    assert refused.status == 1
    assert "run `pulang restore-check intake`" in refused.err
    said = pulang("restore-check", "intake", "--data", data)
    assert said.status == 0, said.err
    assert "intake: what its audit log held from number 7 on, up to 9, went with the restore" in said.out

    after = verify(data, "intake")
    assert after.status == 0, after.out
    assert "intake: numbers 7 to 9 went with a restore, which was entered at 20" in after.out
    asyncio.run(_read_identities(data, 1))
    with sqlite3.connect(file) as rows:
        assert rows.execute("SELECT number, actor, action, subject FROM audit WHERE number > 6").fetchall()[0] == (
            7,
            "restore-check",
            "audit.restored",
            "7-9",
        )
    assert verify(data, "intake").status == 0
    assert pulang("restore-check", "intake", "--data", data, "--json").json()["audit_lost"] is None
    change(data, "DELETE FROM audit WHERE number = 8")
    assert "intake: tail cut off after 7: it went to 8" in verify(data, "intake").out


def test_who_went_on_from_an_old_backup_unseen_is_found_and_can_enter_it(data: Path, tmp_path: Path) -> None:
    """As where the bus was away at first: two histories are published under the same numbers."""
    file, bus = Settings(data).database("intake"), Settings(data).bus
    shutil.copy(file, tmp_path / "backup.db")
    shutil.copy(bus, tmp_path / "bus-before.db")
    asyncio.run(_read_identities(data, 2))
    shutil.copy(bus, tmp_path / "bus-after.db")
    for name, copy in ((file, "backup.db"), (bus, "bus-before.db")):
        for part in data.glob(f"{name.name}*"):
            part.unlink()
        shutil.copy(tmp_path / copy, name)
    asyncio.run(_read_identities(data, 1, purpose="legal"))
    for part in data.glob(f"{bus.name}*"):
        part.unlink()
    shutil.copy(tmp_path / "bus-after.db", bus)

    said = verify(data, "intake")
    assert said.status == 1
    assert "tail cut off after 7: it went to 8" in said.out
    assert pulang("restore-check", "intake", "--data", data).status == 0
    after = verify(data, "intake")
    assert after.status == 0, after.out
    assert "numbers 7 to 8 went with a restore" in after.out
    asyncio.run(_read_identities(data, 1))
    assert verify(data, "intake").status == 0


def test_heads_come_back_to_a_bus_that_was_lost(data: Path) -> None:
    for part in data.glob("bus.db*"):
        part.unlink()
    asyncio.run(_read_identities(data, 1))
    missed = verify(data, "intake")
    assert missed.status == 1
    assert re.search("intake: heads? 1.*: published once, and not on the bus any more", missed.out), missed.out
    for part in data.glob("bus.db*"):
        part.unlink()
    said = pulang("republish", "--data", data)
    assert said.status == 0, said.err
    with sqlite3.connect(Settings(data).database("intake")) as file:
        (heads,) = file.execute("SELECT count(*) FROM audit_heads").fetchone()
    assert f"{heads} heads of the audit log of intake are on pulang.audit" in said.out
    assert verify(data, "intake").status == 0


async def _read_identities(data: Path, times: int, purpose: str = "handover") -> None:
    """By whoever has the person; nothing else happens."""
    async with running(Settings(data)) as one:
        (case,) = one.rows("intake", "SELECT case_id FROM cases ORDER BY case_id LIMIT 1")[0]
        for _ in range(times):
            answer = await one.officer().get(f"/intake/cases/{case}/identity?purpose={purpose}")
            assert answer.status_code == 200, answer.text


def _open_post(data: Path, one: Up, code: str) -> None:
    token = DevelopmentIssuer(Settings(data).keys).issue("kemensos", "administrator")
    answer = httpx.put(
        f"{one.url}/intake/arrival-points/{code}",
        json=POST,
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
