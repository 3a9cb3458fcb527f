"""The command line with PULANG_CLIENTS: each step with a token of the role it needs, renewed before it ends."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulang import client_credentials
from pulang.complaint import Complaint
from pulang.credentials import Clients
from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.system.command import Up, pulang, up
from tests.system.seasons import EXAMPLE, weeks
from tests.system.token_endpoint import TokenEndpoint

LIFE = 0.2
"""Seconds: no machine registers the people of three weeks in less."""


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[TokenEndpoint]:
    one = TokenEndpoint(DevelopmentIssuer(tmp_path / "keys"))
    yield one
    one.close()


def _told(running: Up, clients: Path) -> dict[str, str]:
    return {"PULANG_URL": running.url, "PULANG_CLIENTS": str(clients)}


def test_a_season_is_played_with_tokens_that_live_shorter_than_it(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        endpoint = TokenEndpoint(DevelopmentIssuer(Settings(running.data).keys), seconds=LIFE)
        try:
            told = _told(running, endpoint.file(tmp_path / "clients.json"))
            nowhere = {"cwd": tmp_path, "variables": told}
            demo = ("demo", weeks(tmp_path / "season", 3, every=4), "--url", running.url, "--exit", "--json")
            said = pulang(*demo, **nowhere)
            assert said.status == 0, said.err
            played = said.json()
            assert played["differences"] == []
            assert set(endpoint.asked) == {
                "pulang-administrator",
                "bp2mi-arrival-officer",
                *(f"kemensos-{role}" for role in ("shelter-staff", "aid-officer", "counsellor", "supervisor")),
            }
            renewals = played["seconds"] / (LIFE * 3 / 4)
            assert all(times <= renewals + 1 for times in endpoint.asked.values()), (endpoint.asked, played["seconds"])
            assert endpoint.asked["bp2mi-arrival-officer"] > 1

            assert len(pulang("status", "--json", **nowhere).json()["services"]) == 5
            assert pulang("replay", tmp_path / "season", **nowhere).status == 0
            assert pulang("dead-letters", "list", **nowhere).status == 0
            seen = pulang("watch", "iom", "--until-idle", 0, "--json", **nowhere)
            assert len(seen.out.splitlines()) > 100
            assert "iom-reader" in endpoint.asked
            assert "kemensos-reader" not in endpoint.asked
        finally:
            endpoint.close()


def test_what_runs_on_a_data_folder_knows_development_tokens_only(tmp_path: Path) -> None:
    told = {"PULANG_CLIENTS": str(tmp_path / "none.json")}
    with up(tmp_path / "data") as running:
        assert pulang("status", "--data", running.data, variables=told).status == 0
        token = pulang("token", "--agency", "iom", "--role", "reader", "--data", running.data).out.strip()
        told = told | {"PULANG_URL": running.url}
        assert "none.json" in pulang("status", variables=told).line
        assert "403" in pulang("status", variables=told | {"PULANG_CLIENTS": "", "PULANG_TOKEN": token}).line
    season = weeks(tmp_path / "season", 1, every=12)
    demo = pulang("demo", season, "--exit", "--json", "--data", tmp_path / "own", "--port", 0, variables=told)
    assert demo.status == 0, demo.err


def test_a_token_is_held_until_a_minute_before_its_end(
    endpoint: TokenEndpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(client_credentials.time, "monotonic", lambda: now)
    clients = Clients(endpoint.file(tmp_path / "clients.json"))
    first = clients.token("bp2mi", "arrival_officer", ("TNJ",))
    for now, same in ((1539.9, True), (1540.0, False)):  # noqa: B007
        assert (clients.token("bp2mi", "arrival_officer", ("CGK",)) == first) is same
    assert endpoint.asked == {"bp2mi-arrival-officer": 2}


def test_the_client_with_the_fewest_facilities_that_cover_the_step(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    one = {"agency": "bp2mi", "role": "reader", "secret": "S3cret-bp2mi-reader"}
    places = (["A", "B", "C"], ["A", "B"], [])
    rows = [one | {"id": f"x{number}", "facilities": list(codes)} for number, codes in enumerate(places)]
    clients = Clients(endpoint.file(tmp_path / "clients.json", clients=rows))
    for asked, expected in ((("A",), "x1"), (("C", "A"), "x0"), ((), "x2")):
        with pytest.raises(Complaint, match=f"client {expected} "):
            clients.token("bp2mi", "reader", asked)
    for agency, role, asked in (("iom", "reader", ()), ("bp2mi", "supervisor", ()), ("bp2mi", "reader", ("D",))):
        with pytest.raises(Complaint, match=f"no client for role {role} of agency {agency}"):
            clients.token(agency, role, asked)


@pytest.mark.parametrize(
    ("content", "tells"),
    [
        (None, "cannot read"),
        ("{", "no JSON"),
        ("[]", "must hold"),
        ('{"token_url": "http://127.0.0.1:1", "clients": [{"secret": "S3cret-x"}]}', "must hold"),
        ('{"token_url": "http://127.0.0.1:1", "clients": {"secret": "S3cret-x"}}', "must hold"),
        ('{"token_url": 7, "clients": []}', "must hold"),
        ('{"token_url": "file:///etc/passwd", "clients": []}', "no address"),
        ('{"token_url": "http://127.0.0.1:1", "clients": []}', "no client for role administrator of agency pulang"),
    ],
    ids=str,
)
def test_a_wrong_file_is_one_line(content: str | None, tells: str, tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    if content is not None:
        path.write_text(content)
    line = pulang("status", variables={"PULANG_URL": "http://127.0.0.1:1", "PULANG_CLIENTS": str(path)}).line
    assert tells in line
    assert "S3cret" not in line


@pytest.mark.parametrize(
    ("status", "body", "tells"),
    [
        (401, b'{"error": "invalid_client"}', "refused client pulang-administrator (401)"),
        (503, b"", "answered 503 without a token"),
        (200, b"<html>", "is it a token endpoint?"),
        (200, b'{"access_token": 7, "expires_in": 60}', "is it a token endpoint?"),
        (200, b'{"access_token": "x"}', "is it a token endpoint?"),
    ],
)
def test_an_issuer_that_gives_no_token_is_one_line(
    endpoint: TokenEndpoint, tmp_path: Path, status: int, body: bytes, tells: str
) -> None:
    endpoint.instead = (status, body)
    told = {"PULANG_URL": "http://127.0.0.1:1", "PULANG_CLIENTS": str(endpoint.file(tmp_path / "clients.json"))}
    for arguments in (("status",), ("replay", EXAMPLE)):
        line = pulang(*arguments, variables=told).line
        assert tells in line
        assert "S3cret" not in line


def test_an_issuer_that_is_away_is_one_line(endpoint: TokenEndpoint, tmp_path: Path) -> None:
    path = endpoint.file(tmp_path / "clients.json", token_url="http://127.0.0.1:1/token")
    assert json.loads(path.read_text())["clients"]
    line = pulang("status", variables={"PULANG_URL": "http://127.0.0.1:1", "PULANG_CLIENTS": str(path)}).line
    assert "no token from http://127.0.0.1:1/token" in line
