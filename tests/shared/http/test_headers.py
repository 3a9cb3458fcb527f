"""What every answer tells a browser: to run, keep, guess and tell nothing; and which pages may read it."""

import base64
import hashlib
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from shared.http.app import Outside, outside_from
from shared.settings import Environment, SettingInvalid, Settings
from tests.world import Pulang, User, running

CASES = "/intake/cases"
CONSOLE = "https://console.example.org"
PREFLIGHT = {"Origin": CONSOLE, "Access-Control-Request-Method": "POST"}


def app_of(pulang: Pulang) -> FastAPI:
    app: FastAPI = pulang.client._transport.app  # type: ignore[attr-defined]
    return app


def protected(answer: httpx.Response) -> None:
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers
    for name in answer.headers:
        assert len(answer.headers.get_list(name)) == 1, name


async def test_every_answer_is_protected(pulang: Pulang) -> None:
    async def broken() -> None:
        raise RuntimeError("on purpose")

    app_of(pulang).add_api_route("/broken", broken, include_in_schema=False)
    await pulang.open_post()
    case = await pulang.register()
    officer = pulang.officer()
    expected = {
        f"/intake/cases/{case}": 200,
        f"/intake/cases/{case}/identity?purpose=registration": 200,
        CASES: 200,
        "/intake/cases?limit=x": 422,
        "/intake/cases/0192f0c1-5f4e-7c3a-9b1e-2f6f0d6a7b10": 404,
        "/exchange/feed": 403,
        "/no/such": 404,
        "/broken": 500,
        "/livez": 200,
        "/readyz": 200,
        "/metrics": 200,
        "/openapi.json": 200,
        "/docs": 200,
    }
    for path, status in expected.items():
        answer = await officer.get(path)
        assert answer.status_code == status, path
        protected(answer)
    protected(await pulang.client.get(CASES))
    protected(await officer.post(CASES, {"name": "x" * 2**21}))


async def test_the_page_that_shows_the_api_works_under_its_policy(pulang: Pulang) -> None:
    """Its own script stands in the policy by its hash; what it loads comes from where the policy says."""
    answer = await pulang.client.get("/docs")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    inline = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
    assert len(inline) == 1
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy["script-src"]
    assert "unsafe-inline" not in policy["script-src"]
    loaded = {
        "script-src": re.findall(r'<script src="(https://[^/]+)', answer.text),
        "style-src": re.findall(r'<link[^>]*stylesheet[^>]*href="(https://[^/]+)', answer.text),
        "img-src": re.findall(r'<link[^>]*icon[^>]*href="(https://[^/]+)', answer.text),
    }
    for directive, origins in loaded.items():
        assert origins
        assert set(origins) <= set(policy[directive].split())
    assert policy["connect-src"] == "'self'"
    assert "/openapi.json" in inline[0]
    assert (await pulang.client.get("/openapi.json")).status_code == 200


async def test_no_page_of_another_origin_reads_anything(pulang: Pulang) -> None:
    officer = pulang.officer()
    asked = await pulang.client.options(CASES, headers=PREFLIGHT)
    assert asked.status_code == 405
    for answer in (asked, await officer.get(CASES, headers={"Origin": CONSOLE})):
        assert [name for name in answer.headers if name.startswith("access-control")] == []


@asynccontextmanager
async def opened_to(folder: Path, migrated: Path, origins: str) -> AsyncIterator[Pulang]:
    shutil.copytree(migrated, folder / "data")
    outside = outside_from(Environment({"PULANG_CORS_ORIGINS": origins}))
    async with running(Settings(folder / "data"), outside) as pulang:
        yield pulang


async def test_a_page_of_an_origin_that_is_listed(tmp_path: Path, migrated_folder: Path) -> None:
    wanted = "authorization, idempotency-key, content-type, if-match"
    async with opened_to(tmp_path, migrated_folder, f"{CONSOLE}, http://127.0.0.1:5173") as pulang:
        asked = await pulang.client.options(CASES, headers=PREFLIGHT | {"Access-Control-Request-Headers": wanted})
        assert asked.status_code == 200, asked.text
        assert asked.headers["access-control-allow-origin"] == CONSOLE
        assert "POST" in asked.headers["access-control-allow-methods"]
        assert set(wanted.split(", ")) <= set(asked.headers["access-control-allow-headers"].lower().split(", "))
        assert "access-control-allow-credentials" not in asked.headers
        got = await pulang.officer().get(CASES, headers={"Origin": CONSOLE})
        assert (got.status_code, got.headers["access-control-allow-origin"]) == (200, CONSOLE)
        assert {"Link", "ETag", "Retry-After"} <= set(got.headers["access-control-expose-headers"].split(", "))
        assert "origin" in got.headers["vary"].lower()
        protected(got)
        refused = await User(pulang.client, "x").get(CASES, headers={"Origin": CONSOLE})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, CONSOLE)
        for other in ("https://console.example.org.evil.org", "http://console.example.org", "null"):
            for answer in (
                await pulang.client.options(CASES, headers=PREFLIGHT | {"Origin": other}),
                await pulang.officer().get(CASES, headers={"Origin": other}),
            ):
                assert "access-control-allow-origin" not in answer.headers, other


@pytest.mark.parametrize(
    "wrong", ["*", "console.example.org", "https://a/b", "https://a/", "ftp://a", "https://", "null"]
)
def test_origins_that_cannot_be_meant(wrong: str) -> None:
    with pytest.raises(SettingInvalid, match="PULANG_CORS_ORIGINS"):
        outside_from(Environment({"PULANG_CORS_ORIGINS": f"{CONSOLE},{wrong}"}))
    assert outside_from(Environment({"PULANG_CORS_ORIGINS": " , "})) == Outside()
