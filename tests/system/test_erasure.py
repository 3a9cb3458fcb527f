"""Who was erased is gone: from every file, after a kill at any moment, and after any backup was restored."""

import asyncio
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.exchange.directory import Directory
from services.exchange.policy import load_policies
from services.exchange.queries import read_log
from shared.database.sqlite import SqliteDatabase
from shared.erasing.destroying import Destruction
from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.services.intake.erasing import approve, ask, erased, left_of
from tests.services.psychosocial.care import counsellor
from tests.system.command import Up, pulang, up
from tests.system.erased import (
    PERSON,
    PLAIN,
    SOMEBODY_ELSE,
    in_the_files,
    key_is_there,
    keys_of,
    lived_through,
    open_places,
    traces_of,
)
from tests.world import Pulang, running

pytestmark = pytest.mark.on_sqlite
CROWD = 600
OTHER_ID = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b20"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return Settings(data)


async def crowd(at: Pulang, first: int) -> None:
    """Others, whose rows split the pages that hold the person's."""
    rows = [
        {"row_key": str(number - first), "sex": "M", "name": f"Orang {number}", "nik": f"35071210019{number:05}"}
        for number in range(first, first + CROWD)
    ]
    body = {"id": f"{OTHER_ID[:-5]}{first}", "arrival_point": "TNJ", "arrival_date": "2026-11-03", "rows": rows}
    assert (await at.officer().done("/intake/manifests", body))["registered"] == CROWD


async def identity(at: Pulang, case: str) -> int:
    return (await at.staff().get(f"/intake/cases/{case}/identity?purpose=handover")).status_code


async def test_nothing_of_the_person_is_in_any_file(settings: Settings) -> None:
    async with running(settings) as at:
        await open_places(at)
        await crowd(at, 10_001)
        case = await lived_through(at)
        first = traces_of(settings, case)
        await crowd(at, 20_001)
        row = PERSON | {"row_key": "1"}
        twin = {"id": OTHER_ID[:-1] + "2", "arrival_point": "TNJ", "arrival_date": "2026-11-03", "rows": [row]}
        assert (await at.officer().done("/intake/manifests", twin))["duplicates"] == 1
        other = await lived_through(at, **SOMEBODY_ELSE)
        traces = first | traces_of(settings, case)
        assert len(traces) >= 16
        assert set(in_the_files(settings, traces)) == traces

        await erased(at, case)
        assert in_the_files(settings, traces | {plain.encode() for plain in PLAIN}) == {}
        kept = traces_of(settings, other)
        assert set(in_the_files(settings, kept)) == kept
    assert in_the_files(settings, traces) == {}


async def test_a_process_that_ends_before_the_keys_are_gone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_yet(destruction: Destruction) -> None:
        return None

    async with running(settings) as at:
        await open_places(at)
        case = await lived_through(at)
        keys = {service: keys_of(settings, service, case) for service in ("intake", "psychosocial")}
        traces = traces_of(settings, case)
        with monkeypatch.context() as slow:
            slow.setattr(Destruction, "go_on", not_yet)
            assert (await ask(at, case)).status_code == 201
            assert (await approve(at, case)).status_code == 201
            await at.settled()
        assert await identity(at, case) == 410
        assert all(key_is_there(settings, service, key) for service, ids in keys.items() for key in ids)
    with monkeypatch.context() as slow:
        slow.setattr(Destruction, "go_on", not_yet)
        async with running(settings) as at:  # by now they are destroyed, whoever did not come to it before
            assert not any(key_is_there(settings, service, key) for service, ids in keys.items() for key in ids)
            assert await identity(at, case) == 410
    async with running(settings) as at:
        await erased(at)
        assert in_the_files(settings, traces) == {}


def approved(server: Up, case: str) -> httpx.Response:
    """By a second person."""
    token = DevelopmentIssuer(Settings(server.data).keys).issue("bp2mi", "supervisor", subject="kepala")
    path = f"{server.url}/intake/cases/{case}/erasure/approval"
    return httpx.post(path, headers={"Authorization": f"Bearer {token}"}, trust_env=False)


async def test_kills_in_the_middle_of_erasures(settings: Settings) -> None:
    """Whatever was answered is done, and its keys go; what was not is either done whole, or not at all."""
    chance = random.Random(5)  # noqa: S311
    async with running(settings) as at:
        await open_places(at)
        cases = [await at.register(name=f"Contoh {number}") for number in range(18)]
        for case in cases:
            assert (await ask(at, case)).status_code == 201
        keys = {case: keys_of(settings, "intake", case)[0] for case in cases}
    waiting, answered = list(cases), []
    while waiting:
        with up(settings.data) as server:
            for case in waiting[:3]:
                done = approved(server, case)
                assert done.status_code == 201, done.text
                answered.append(case)
            waiting = waiting[3:]
            await asyncio.sleep(chance.uniform(0, 1.5))  # somewhere between the commit and the last scrubbing
            server.kill()
    async with running(settings) as at:
        await erased(at)
        for case in answered:
            assert set(left_of(at, case).values()) == {0}
            assert not key_is_there(settings, "intake", keys[case])
    assert answered == cases


def saved(settings: Settings, *names: str) -> Path:
    """A backup of these files, with Pulang at rest."""
    backup = settings.data.parent / "backup"
    for name in names:
        (backup / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(settings.data / name, backup / name)
    return backup


def restored(settings: Settings, backup: Path, *names: str) -> None:
    for name in names:
        for old in settings.data.glob(f"{name}*"):
            old.unlink()
        shutil.copy(backup / name, settings.data / name)


async def test_a_key_store_from_before_the_erasure(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(settings) as at:
        await open_places(at)
        case, other = await lived_through(at), await lived_through(at, **SOMEBODY_ELSE)
        keys = {service: keys_of(settings, service, case) for service in ("intake", "psychosocial")}
        wrapped = traces_of(settings, case)
    stores = ("keys/intake.db", "keys/psychosocial.db")
    backup = saved(settings, *stores)
    async with running(settings) as at:
        await erased(at, case)
    restored(settings, backup, *stores)
    assert all(key_is_there(settings, service, key) for service, ids in keys.items() for key in ids)
    async with running(settings) as at:
        # At the first request that anybody could make, the keys are destroyed already.
        assert not any(key_is_there(settings, service, key) for service, ids in keys.items() for key in ids)
        assert await identity(at, case) == 410
        assert await identity(at, other) == 200
    assert in_the_files(settings, wrapped) == {}


@pytest.mark.parametrize("with_keys", [False, True], ids=["database alone", "database and key store"])
async def test_a_database_from_before_the_erasure_is_not_served_until_it_was_applied(
    settings: Settings, *, with_keys: bool
) -> None:
    async with running(settings) as at:
        await open_places(at)
        case, other = await lived_through(at), await lived_through(at, **SOMEBODY_ELSE)
        traces, key = traces_of(settings, case), keys_of(settings, "intake", case)[0]
        later = "0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b55"
    files = ("intake.db", "keys/intake.db") if with_keys else ("intake.db",)
    backup = saved(settings, *files)
    async with running(settings) as at:
        await at.register(id=later, name="Baru Datang")
        await erased(at, case, later)
    restored(settings, backup, *files)
    assert in_the_files(settings, traces) != {}

    refused = pulang("up", "--data", settings.data, "--port", 0)
    assert refused.status == 1
    assert "run `pulang restore-check intake`" in refused.err
    said = pulang("restore-check", "intake", "--data", settings.data)
    assert said.status == 0, said.err
    assert "2 persons who were erased are erased here, too" in said.out
    assert f"read-only: {case}" not in said.out  # there is nothing left that could be entered again
    again = pulang("restore-check", "intake", "--data", settings.data, "--json")
    assert (again.status, again.json()["put_back"], again.json()["erased"]) == (0, 0, 2)

    async with running(settings) as at:
        assert not key_is_there(settings, "intake", key)
        assert await identity(at, case) == 410
        assert await identity(at, other) == 200
        assert set(left_of(at, case).values()) == {0}
        back = await at.officer().post("/intake/cases", {**_AS_REGISTERED, "id": later})
        assert (back.status_code, back.json()["type"]) == (410, "/problems/person-erased")
        anew = await at.officer().post("/intake/cases", _AS_REGISTERED | PERSON)
        assert anew.status_code == 201, anew.text
        await erased(at)
        sealed = traces - {token for token in traces if len(token) == 16}  # the newcomer has the same tokens
        assert in_the_files(settings, {one for one in sealed if not _of_psychosocial(one, backup)}) == {}


_AS_REGISTERED = {
    "name": "Baru Datang",
    "sex": "F",
    "birth_date": "1990-05-17",
    "arrival_point": "TNJ",
    "arrival_date": "2026-11-03",
}


def _of_psychosocial(trace: bytes, backup: Path) -> bool:
    """Nothing but intake's files was restored."""
    return not any(trace in path.read_bytes() for path in backup.rglob("*.db"))


async def test_notes_from_before_the_erasure(settings: Settings) -> None:
    async with running(settings) as at:
        await open_places(at)
        case = await lived_through(at)
        (written,) = (await counsellor(at).get("/psychosocial/sessions")).json()["items"]
        (key,) = keys_of(settings, "psychosocial", case)
    files = ("psychosocial.db", "keys/psychosocial.db")
    backup = saved(settings, *files)
    async with running(settings) as at:
        await erased(at, case)
    restored(settings, backup, *files)
    assert "run `pulang restore-check psychosocial`" in pulang("up", "--data", settings.data, "--port", 0).err
    said = pulang("restore-check", "psychosocial", "--data", settings.data)
    assert said.status == 0, said.err
    with closing(sqlite3.connect(settings.database("psychosocial"))) as file:
        assert file.execute("SELECT note FROM sessions").fetchall() == [(None,)]
    async with running(settings) as at:
        assert not key_is_there(settings, "psychosocial", key)
        note = await counsellor(at).get(f"/psychosocial/sessions/{written['session_id']}/note")
        assert note.status_code == 410
        await at.settled()
        assert (await counsellor(at).get("/psychosocial/worklist")).json()["items"] == []


async def test_an_exchange_from_before_the_erasure_tells_nothing_but_that(settings: Settings) -> None:
    async with running(settings) as at:
        await open_places(at)
        case = await lived_through(at)
        unseen = await at.register(name="Belum Setuju")
        await at.settled()
    backup = saved(settings, "exchange.db")
    async with running(settings) as at:
        agreed = {"decisions": [{"agency": "iom", "level": "identified"}], "given_by": "person"}
        await at.officer().done(f"/intake/cases/{unseen}/consents", agreed | {"occurred_at": "2026-11-05"})
        await at.settled()
        await erased(at, case, unseen)
    restored(settings, backup, "exchange.db")
    assert "run `pulang restore-check exchange`" in pulang("up", "--data", settings.data, "--port", 0).err
    said = pulang("restore-check", "exchange", "--data", settings.data)
    assert said.status == 0, said.err

    # Before it has heard anything again.
    database = SqliteDatabase(settings.database("exchange"))
    directory = Directory(bytes(32))
    await database.start()
    for agency in await database.read(load_policies):
        told = await database.read(lambda session, agency=agency: read_log(session, directory, agency, 0, 1000))  # type: ignore[misc]
        assert not {event.key for event in told.events} & {case, unseen}
    await database.stop()

    async with running(settings) as at:
        await at.settled()
        for agency, cases in {"iom": {case, unseen}, "kemensos": {case}, "bp2mi": set()}.items():
            feed = (await at.reader(agency).get("/exchange/feed?limit=1000")).json()["events"]
            theirs = [event for event in feed if event["subject"] in (case, unseen)]
            assert {event["subject"] for event in theirs} == cases
            assert {event["type"] for event in theirs} <= {"pulang.case.erased.v1"}
            assert len(theirs) == len(cases)
