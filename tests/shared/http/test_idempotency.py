"""The same key and body take effect once; the answer is kept for a day, with the command and not beside it."""

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.http.problems import MEDIA_TYPE
from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.world import Pulang, User

ROOT = Path(__file__).parents[3]
PATIENCE_SECONDS = 60
DAY_MS = 24 * 3600 * 1000
PERSON = {
    "name": "Contoh Nama",
    "sex": "F",
    "birth_date": "1990-05-17",
    "arrival_point": "TNJ",
    "arrival_date": "2026-11-03",
    "register_anyway": True,
}


async def register(user: User, key: str, **changes: Any) -> httpx.Response:
    return await user.post("/intake/cases", PERSON | changes, headers={"Idempotency-Key": key})


async def cases(pulang: Pulang) -> int:
    return len((await pulang.administrator.get("/intake/cases?limit=1000")).json()["items"])


def time_passes(pulang: Pulang, milliseconds: int) -> None:
    """The stored answers are as old as if it were later."""
    with sqlite3.connect(pulang.settings.database("intake"), timeout=30) as file:
        file.execute("UPDATE answers SET kept_since_ms = kept_since_ms - ?", [milliseconds])
    file.close()


async def test_the_same_request_again_gets_the_stored_answer(pulang: Pulang) -> None:
    await pulang.open_post()
    first = await register(pulang.officer(), "a")
    again = await register(pulang.officer(), "a")
    other = await register(pulang.officer(), "b")

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 201)
    assert first.content == again.content != other.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await cases(pulang) == 2


async def test_another_body_under_a_used_key_is_refused(pulang: Pulang) -> None:
    await pulang.open_post()
    await register(pulang.officer(), "a")
    other = await register(pulang.officer(), "a", name="Nama Lain")

    assert (other.status_code, other.headers["content-type"]) == (422, MEDIA_TYPE)
    assert other.json()["type"] == "/problems/key-used-for-another-request"
    assert other.json()["errors"][0]["pointer"] == "header.Idempotency-Key"
    assert await cases(pulang) == 1


async def test_at_once_it_takes_effect_once(pulang: Pulang) -> None:
    await pulang.open_post()
    answers = await asyncio.gather(*(register(pulang.officer(), "a") for _ in range(20)))

    told = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in told}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in told) == 1
    assert await cases(pulang) == 1


async def test_keys_are_a_callers_own_and_a_routes_own(pulang: Pulang) -> None:
    await pulang.open_post()
    one, other = pulang.officer(), pulang.user("arrival_officer", "bp2mi", "TNJ", subject="somebody else")
    elsewhere = pulang.user("arrival_officer", "kemensos", "TNJ", subject="arrival_officer@bp2mi")
    ids = {(await register(user, "a")).json()["case_id"] for user in (one, other, elsewhere)}
    assert len(ids) == 3

    screening = {"trafficking_status": "PossibleVictimOfTrafficking", "occurred_at": "2026-11-03"}
    found = [
        await one.post(f"/intake/cases/{case}/screenings", screening, headers={"Idempotency-Key": "a"})
        for case in sorted(ids)
    ]
    assert {answer.status_code for answer in found} == {201}
    assert len({answer.json()["screening_id"] for answer in found}) == 3


async def test_a_refused_request_does_not_use_up_its_key(pulang: Pulang) -> None:
    assert (await register(pulang.officer(), "a")).status_code == 404
    await pulang.open_post()

    mended = await register(pulang.officer(), "a", name="Nama Lain")

    assert mended.status_code == 201
    assert "idempotency-replayed" not in mended.headers


async def test_an_answer_is_kept_for_a_day(pulang: Pulang) -> None:
    await pulang.open_post()
    first = await register(pulang.officer(), "a")
    time_passes(pulang, DAY_MS - 600_000)
    assert (await register(pulang.officer(), "a")).content == first.content

    time_passes(pulang, 600_001)
    later = await register(pulang.officer(), "a", name="Nama Lain")

    assert later.status_code == 201
    assert later.content != first.content
    assert (await register(pulang.officer(), "a", name="Nama Lain")).content == later.content
    assert await cases(pulang) == 2


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 129])
async def test_a_malformed_key_is_refused(pulang: Pulang, key: str) -> None:
    await pulang.open_post()
    answer = await pulang.officer().post("/intake/cases", PERSON, headers={"Idempotency-Key": key.encode()})

    assert answer.status_code == 422
    assert answer.json()["type"] == "/problems/key-malformed"
    assert await cases(pulang) == 0


async def test_no_stored_answer_holds_identity(pulang: Pulang) -> None:
    await pulang.open_post()
    await register(pulang.officer(), "a", nik="3507125705900003", phone="0812 3456 789")
    with sqlite3.connect(pulang.settings.database("intake"), timeout=30) as file:
        stored = str(file.execute("SELECT * FROM answers").fetchall())
    file.close()

    assert "case_id" in stored
    assert not any(word in stored for word in ("Contoh", "3507125705900003", "0812", "1990"))


async def test_a_kill_leaves_no_effect_without_its_answer(tmp_path: Path) -> None:
    """Whatever was written when the process died is answered from what is stored; the rest takes effect now."""
    settings = Settings(tmp_path / "data")
    process, client = await _up(settings)
    officer, administrator = _users(settings, client)
    post = {"name": "Pos TNJ", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    assert (await administrator.put("/intake/arrival-points/TNJ", post)).status_code == 200
    before: dict[str, bytes] = {}

    async def register_many(number: int) -> None:
        for count in range(1000):
            key = f"{number}-{count}"
            asked.append(key)
            before[key] = (await register(officer, key)).content
            if len(before) == 100:
                process.kill()

    asked: list[str] = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(register_many(number) for number in range(8)), return_exceptions=True)
        await process.wait()
    await client.aclose()

    process, client = await _up(settings)
    officer, administrator = _users(settings, client)
    async with asyncio.timeout(PATIENCE_SECONDS):
        after = {key: await register(officer, key) for key in asked}
        found = (await administrator.get("/intake/cases?limit=1000")).json()["items"]
        process.terminate()
        await process.wait()
    await client.aclose()

    assert 100 <= len(before) < len(asked)
    assert {key: after[key].content for key in before} == before
    assert all("idempotency-replayed" in after[key].headers for key in before)
    assert sorted(case["case_id"] for case in found) == sorted(one.json()["case_id"] for one in after.values())


async def _up(settings: Settings) -> tuple[asyncio.subprocess.Process, httpx.AsyncClient]:
    program = "import sys; from pathlib import Path; from pulang.up import serve; from shared.settings import Settings"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{program}; serve(Settings(Path(sys.argv[1])), '127.0.0.1', 0)",
        str(settings.data),
        cwd=ROOT,
        stderr=PIPE,
        env=os.environ | {"PULANG_LOG": "error"},
    )
    settings.address.unlink(missing_ok=True)
    client = httpx.AsyncClient(timeout=PATIENCE_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await _ready(client, settings):
            assert process.returncode is None
            await asyncio.sleep(0.05)
    return process, client


async def _ready(client: httpx.AsyncClient, settings: Settings) -> bool:
    if not settings.address.exists():
        return False
    client.base_url = httpx.URL(settings.address.read_text().strip())
    try:
        return (await client.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def _users(settings: Settings, client: httpx.AsyncClient) -> tuple[User, User]:
    issuer = DevelopmentIssuer(settings.keys)
    return (
        User(client, issuer.issue("bp2mi", "arrival_officer", "TNJ")),
        User(client, issuer.issue("kemensos", "administrator")),
    )
