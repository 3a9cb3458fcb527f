"""The example, killed again and again: its copy ends as one that was made in one go, and all is acknowledged."""

import random
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings
from tests.subscriber.example import content, kill, start, to_the_end
from tests.subscriber.gate import Gate
from tests.system.command import Up, pulang, up
from tests.system.seasons import weeks

KILLS = 24
WAITS_SECONDS = 4
PAGE = 7
"""So that a run has many transactions."""


class Season:
    """A Pulang on which a small season was played, and in which consent goes on changing."""

    def __init__(self, running: Up, folder: Path) -> None:
        self._issuer = DevelopmentIssuer(Settings(running.data).keys)
        self._http = httpx.Client(base_url=running.url, trust_env=False, timeout=60)
        said = pulang("replay", weeks(folder, 2, every=5), "--data", running.data)
        assert said.status == 0, said.err
        registered = [one for one in self.feed("bp2mi") if one["type"] == "pulang.case.registered.v1"]
        self.posts = {one["subject"]: one["data"]["arrival_point"] for one in registered}

    def token(self, agency: str) -> str:
        return self._issuer.issue(agency, "reader")

    def feed(self, agency: str) -> list[dict[str, Any]]:
        """All of it."""
        events: list[dict[str, Any]] = []
        after: dict[str, str] = {}
        while True:
            headers = {"Authorization": f"Bearer {self.token(agency)}"}
            page = self._http.get("/exchange/feed", params={"limit": 1000, **after}, headers=headers).json()
            events += page["events"]
            if not page["events"]:
                return events
            after = {"after": page["next"]}

    def requests(self, *kinds: str) -> dict[str, str]:
        """Those that IOM's feed tells now, with their cases."""
        told = self.feed("iom")
        return {one["id"]: one["subject"] for one in told if (one.get("data") or {}).get("deletion_requested") in kinds}

    def decide(self, case: str, level: str) -> None:
        """Nothing for a minor, whose guardian decides."""
        officer = self._issuer.issue("bp2mi", "arrival_officer", self.posts[case])
        body = {
            "decisions": [{"agency": "iom", "status": "given" if level != "none" else "withdrawn", "level": level}],
            "given_by": "person",
            "witness": "Contoh Saksi",
            "occurred_at": datetime.now(UTC).isoformat(),
        }
        path, headers = f"/intake/cases/{case}/consents", {"Authorization": f"Bearer {officer}"}
        answer = self._http.post(path, json=body, headers=headers)
        assert answer.status_code in (201, 422), answer.text

    def close(self) -> None:
        self._http.close()


@pytest.fixture
def season(tmp_path: Path) -> Iterator[tuple[Season, Gate]]:
    with up(tmp_path / "data") as running:
        one, gate = Season(running, tmp_path / "season"), Gate(running.url)
        yield one, gate
        gate.close()
        one.close()


def test_killed_at_any_moment_the_copy_ends_as_one_made_in_one_go(season: tuple[Season, Gate], tmp_path: Path) -> None:
    pulang, gate = season
    dice = random.Random(2026)  # noqa: S311
    file, token = tmp_path / "copy.db", pulang.token("iom")
    asked: dict[str, str] = {}
    ends: dict[str, str] = {}
    for number in range(KILLS):
        process = start(file, gate.url, token, "--page", PAGE)
        gate.kill_at(dice.randint(1, 9), lambda: kill(process))  # noqa: B023 - it ends within the round
        for case in dice.sample(sorted(pulang.posts), 3):
            pulang.decide(case, dice.choice(("none", "pseudonymous", "identified")))
        err = killed(process)
        assert process.returncode == -9, err
        asked |= pulang.requests("case", "identity")
        ends |= pulang.requests("case")
        if number == KILLS // 2:
            named, before = remember_names(file), set(asked)
    to_the_end(file, gate.url, token)
    now = pulang.requests("case", "identity")

    other = tmp_path / "at-once.db"
    acknowledged = set(gate.acknowledged)
    to_the_end(other, gate.url, token)
    remembered = ("subject", "owed", "position")
    assert content(file, *remembered) == content(other, *remembered)
    assert len(content(file)["history"]) > 300
    assert len(content(file)["cases"]) > 5
    # A lowering that nobody read before the withdrawal is told no more: what ends the grant stands for it.
    assert {*ends, *now} <= acknowledged
    assert len(ends) > 5
    gone = named & {case for request, case in (asked | now).items() if request not in before}
    assert gone
    assert not gone & names(file)
    assert names(file)


def killed(process: "subprocess.Popen[str]") -> str:
    """What it said until then. Where it has all there is, it is killed while it waits for more."""
    try:
        return process.communicate(timeout=WAITS_SECONDS)[1]
    except subprocess.TimeoutExpired:
        kill(process)
        return process.communicate()[1]


def remember_names(file: Path) -> set[str]:
    """As an integrator does who has read them by the identity route."""
    db = sqlite3.connect(file)
    db.execute("INSERT INTO people SELECT id, 'Contoh' FROM cases")
    db.commit()
    db.close()
    return names(file)


def names(file: Path) -> set[str]:
    db = sqlite3.connect(file)
    found = {case for (case,) in db.execute("SELECT case_id FROM people")}
    db.close()
    return found
