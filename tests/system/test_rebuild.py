"""`pulang rebuild`: the indicators built again from the bus while Pulang runs, and nothing is different afterwards."""

import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.system.command import ROOT, Up, ask, demo, environment, pulang, up
from tests.system.feeds import watch
from tests.system.seasons import totals, weeks

AGENCY = "iom"
YEAR = {"from": "2020-01-01", "until": "2020-12-31"}


@pytest.fixture(scope="module")
def once_lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rebuild")
    said = demo(weeks(folder / "season", 1, every=12), folder / "data")
    assert said.status == 0, said.err
    return folder / "data"


@pytest.fixture
def lived(once_lived: Path, tmp_path: Path) -> Path:
    """A data folder after a small season; nobody runs on it."""
    return Path(shutil.copytree(once_lived, tmp_path / "data"))


def events(data: Path, url: str) -> int:
    return sum(int(ask(data, url, f"/{service}/operations/status")["events"]) for service in ("intake", "shelter"))


def test_the_indicators_are_the_same_and_nobody_hears_anything(lived: Path) -> None:
    with up(lived) as server:
        before = ask(lived, server.url, "/exchange/indicators", **YEAR)
        told, (feed, _) = events(lived, server.url), watch(AGENCY, "--data", lived)
        for generation in (1, 2):
            said = pulang("rebuild", "exchange", "--data", lived)
            assert said.status == 0, said.err
            assert f"exchange.indicators: generation {generation} is live" in said.out

            assert ask(lived, server.url, "/exchange/indicators", **YEAR) == before
        assert events(lived, server.url) == told
        assert watch(AGENCY, "--data", lived)[0] == feed
        (item,) = ask(lived, server.url, "/exchange/operations/projections")["items"]
        assert (item["live"], item["building"], item["ended"]) == (2, None, None)
        status = ask(lived, server.url, "/exchange/operations/status")
        assert (set(status["consumer_lag"].values()), status["parked"]) == ({0}, 0)


def test_what_the_season_goes_on_to_tell_is_counted_by_the_new_one(tmp_path: Path) -> None:
    """The rebuild runs again and again while a season is played."""
    season, data = weeks(tmp_path / "season", 2, every=6), tmp_path / "data"
    with up(data) as server:
        with (tmp_path / "replay.log").open("wb") as log:
            replay = subprocess.Popen(
                [sys.executable, "-m", "pulang", "replay", str(season), "--data", str(data)],
                cwd=ROOT,
                env=environment(),
                stdout=log,
                stderr=log,
            )
        rounds = 0
        while replay.poll() is None:
            said = pulang("rebuild", "exchange", "--data", data)
            assert said.status == 0, said.err
            rounds += 1
        assert replay.returncode == 0, (tmp_path / "replay.log").read_text()
        assert rounds > 1
        said = demo(season, data, "--url", server.url)
        assert said.status == 0, said.err
        assert said.json()["figures"] == totals(season)


def test_one_that_was_killed_leaves_what_was_and_is_begun_again(lived: Path) -> None:
    server = Up(lived).ready()
    try:
        before = ask(lived, server.url, "/exchange/indicators", **YEAR)
        token = pulang("token", "--agency", "pulang", "--role", "administrator", "--data", lived).out.strip()
        begun = httpx.post(
            f"{server.url}/exchange/operations/rebuild",
            json={},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert begun.status_code == 202, begun.text
        server.kill()
        _last_seen(lived, in_seconds=3600)
        server = Up(lived).ready()
        assert ask(lived, server.url, "/exchange/indicators", **YEAR) == before
        (item,) = ask(lived, server.url, "/exchange/operations/projections")["items"]
        if item["live"] == 0:  # it was killed before its end
            assert item["building"] == 1
            said = pulang("rebuild", "exchange", "--data", lived)
            assert "is being built" in said.line
            server.stop()
            _last_seen(lived, in_seconds=-60)
            server = Up(lived).ready()
        said = pulang("rebuild", "exchange", "--data", lived)
        assert said.status == 0, said.err
        assert ask(lived, server.url, "/exchange/indicators", **YEAR) == before
    finally:
        server.end()


def _last_seen(data: Path, in_seconds: int) -> None:
    """Whoever builds was seen at that time, from now; Pulang is stopped."""
    connection = sqlite3.connect(data / "exchange.db")
    connection.execute("UPDATE projections SET beat_ms = ?", (int((time.time() + in_seconds) * 1000),))
    connection.commit()
    connection.close()


def test_a_service_without_a_projection_has_nothing_to_rebuild(lived: Path) -> None:
    with up(lived):
        assert "nothing is to be rebuilt" in pulang("rebuild", "aid", "--data", lived).out
        assert "there is no service 'books'" in pulang("rebuild", "books", "--data", lived).line
