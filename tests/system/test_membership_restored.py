"""A database from before an agency left, or came back: nobody is served by it before that is known again."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.settings import Settings
from tests.services.test_who_left import BODY, changed, heard, identity_of
from tests.system.command import Said, pulang
from tests.system.test_erasure import restored, saved
from tests.world import Pulang, running

pytestmark = pytest.mark.on_sqlite


@pytest.fixture
def settings(migrated_folder: Path, tmp_path: Path) -> Settings:
    shutil.copytree(migrated_folder, tmp_path / "data")
    return Settings(tmp_path / "data")


async def checked(settings: Settings, service: str) -> Said:
    """What is older is noticed, and made whole."""
    refused = await asyncio.to_thread(pulang, "up", "--data", settings.data, "--port", 0)
    assert f"run `pulang restore-check {service}`" in refused.err
    said = await asyncio.to_thread(pulang, "restore-check", service, "--data", settings.data)
    assert said.status == 0, said.err
    return said


async def decided(at: Pulang, *methods: str, first: int = 1) -> None:
    for version, method in enumerate(methods, first):
        await changed(at, method, "iom", version)
    await heard(at, "iom", left=methods[-1] == "DELETE")


async def feed(at: Pulang, agency: str) -> int:
    return (await at.reader(agency).get("/exchange/feed")).status_code


async def standing(at: Pulang) -> tuple[bool, int]:
    body = (await at.administrator.get("/exchange/agencies/iom")).json()
    return body["member"], body["version"]


async def send(at: Pulang, method: str, agency: str, version: int | None = None) -> httpx.Response:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    body = BODY if method == "PUT" else None
    return await at.administrator._send(method, f"/exchange/agencies/{agency}", json=body, headers=headers)


def in_file(settings: Settings, service: str, query: str) -> list[Any]:
    file = sqlite3.connect(settings.database(service))
    try:
        return file.execute(query).fetchall()
    finally:
        file.close()


async def test_who_left_an_exchange_that_is_older_has_left_it(settings: Settings) -> None:
    async with running(settings) as at:
        await at.open_post()
        await at.settled()
    backup = saved(settings, "exchange.db")
    async with running(settings) as at:
        assert (await send(at, "PUT", "dinsos")).status_code == 200
        assert (await send(at, "PUT", "basarnas")).status_code == 200
        assert (await send(at, "DELETE", "basarnas", 1)).status_code == 200
        await decided(at, "DELETE")
    restored(settings, backup, "exchange.db")
    said = await checked(settings, "exchange")
    assert "exchange: agencies that have left the exchange are let in nowhere: basarnas, iom" in said.out
    assert in_file(settings, "exchange", "SELECT agency FROM agencies_left ORDER BY agency") == [
        ("basarnas",),
        ("iom",),
    ]

    async with running(settings) as at:
        assert await standing(at) == (False, 2)
        assert [await feed(at, one) for one in ("iom", "basarnas", "kemensos")] == [403, 403, 200]
        by = at.rows("exchange", "SELECT changed_by FROM agency_policies WHERE agency = 'iom' ORDER BY version")
        assert by[-1] == ("restore-check",)
        # Of who joined since, the policy is in no event: somebody enters it again.
        waiting = (await at.administrator.get("/exchange/operations/restored")).json()["items"]
        assert [one["subject"] for one in waiting] == ["dinsos"]
        assert (await at.administrator.get("/exchange/agencies/dinsos")).status_code == 404
        assert (await send(at, "PUT", "dinsos")).status_code == 423
        assert (await at.administrator.post("/exchange/operations/restored/dinsos")).status_code == 200
        assert (await send(at, "PUT", "dinsos")).status_code == 200
        assert (await send(at, "PUT", "basarnas")).status_code == 200
        await decided(at, "PUT", "DELETE", "PUT", first=2)
        assert await feed(at, "iom") == 200
    again = await asyncio.to_thread(pulang, "restore-check", "exchange", "--data", settings.data, "--json")
    assert (again.status, again.json()["put_back"], again.json()["left"]) == (0, 0, [])
    async with running(settings) as at:
        assert await standing(at) == (True, 5)


@pytest.mark.parametrize(("before", "since"), [((), ("DELETE", "PUT")), (("DELETE",), ("PUT",))])
async def test_who_came_back_to_an_exchange_that_is_older_is_back(
    settings: Settings, before: Sequence[str], since: Sequence[str]
) -> None:
    async with running(settings) as at:
        await at.open_post()
        await at.settled()
        if before:
            await decided(at, *before)
    backup = saved(settings, "exchange.db")
    async with running(settings) as at:
        await decided(at, *since, first=1 + len(before))
    restored(settings, backup, "exchange.db")
    await checked(settings, "exchange")

    async with running(settings) as at:
        member, version = await standing(at)
        assert member
        assert await feed(at, "iom") == 200
        assert (await at.administrator.get("/exchange/operations/restored")).json()["items"] == []
        assert (await send(at, "DELETE", "iom", version)).status_code == 200
        await at.settled()


async def test_a_service_that_is_older_lets_nobody_in_who_has_left(settings: Settings) -> None:
    async with running(settings) as at:
        await at.open_post()
        case = await at.register()
        agreed = {"decisions": [{"agency": "iom", "level": "identified"}], "given_by": "person"}
        await at.officer().done(f"/intake/cases/{case}/consents", agreed | {"occurred_at": "2026-11-03"})
        await at.settled()
    backup = saved(settings, "intake.db")
    async with running(settings) as at:
        await decided(at, "DELETE", "PUT", "DELETE")
    restored(settings, backup, "intake.db")
    said = await checked(settings, "intake")
    assert "intake: agencies that have left the exchange are let in nowhere: iom" in said.out

    # Before it hears anything again; and what it will hear again opens nothing in between.
    assert in_file(settings, "intake", "SELECT agency FROM agencies_left") == [("iom",)]
    marks = "SELECT consumer, version FROM inbox WHERE source = '/pulang/exchange' AND subject = 'iom'"
    assert in_file(settings, "intake", marks) == [("intake.reactions", 3)]
    async with running(settings) as at:
        assert (await at.reader("iom").get(identity_of(case))).json()["type"] == "/problems/agency-has-left"
        await at.settled()
        assert (await at.reader("iom").get(identity_of(case))).status_code == 403
        await decided(at, "PUT", first=4)
        assert (await at.reader("iom").get(identity_of(case))).status_code == 200


async def test_an_exchange_from_before_anybody_was_told_comes_up(settings: Settings) -> None:
    async with running(settings) as at:
        await at.open_post()
        await decided(at, "DELETE")
    file = sqlite3.connect(settings.database("exchange"))
    for table in ("agencies_left", "events", "streams", "unpublished"):
        file.execute(f"DELETE FROM {table}")
    file.commit()
    file.close()
    said = await asyncio.to_thread(pulang, "restore-check", "exchange", "--data", settings.data, "--json")
    assert (said.json()["put_back"], said.json()["read_only"]) == (1, []), json.dumps(said.json())
    async with running(settings) as at:
        assert await standing(at) == (False, 2)
        await decided(at, "PUT", first=2)
