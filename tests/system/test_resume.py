"""Cut off at random moments, the replay goes on: the same totals, gapless versions, nothing doubled."""

import random
import signal
import subprocess
import sys
from pathlib import Path

from tests.system.command import ROOT, Up, demo, environment, pulang
from tests.system.feeds import AGENCIES, check_once_and_without_a_gap, count, watch
from tests.system.seasons import totals, weeks

CUTS = 6


def test_kill_9_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311
    season = weeks(tmp_path / "season", 3, every=4)
    people = totals(season)["cases"]
    data = tmp_path / "data"
    server = Up(data).ready()
    try:
        for _ in range(CUTS):
            replay = _replay(season, data, tmp_path / "replay.log")
            try:
                replay.wait(timeout=chance.uniform(0.8, 5))
            except subprocess.TimeoutExpired:
                if chance.random() < 0.25:
                    replay.kill()
                    replay.wait()
                    continue
            server.kill()
            assert replay.wait(timeout=90) in (0, 1)
            server = Up(data).ready()
        said = demo(season, data, "--url", server.url)
        assert said.status == 0, (seed, said.err, said.out)
        assert said.json()["figures"] == totals(season), seed
        where = ("--data", data)
        assert pulang("status", "--verify", *where).status == 0, seed
        for agency in AGENCIES:
            events, _ = watch(agency, *where)
            check_once_and_without_a_gap(events)
            for fact in ("case.registered", "case.screened", "case.consent_changed", "referral.made", "aid.issued"):
                assert count(events, fact) == people, (seed, fact)
    finally:
        server.end()
    log = (tmp_path / "replay.log").read_text()
    assert "Traceback" not in log


def test_a_demo_that_is_killed_leaves_no_server_behind(tmp_path: Path) -> None:
    """And one that is asked to stop stops its server, too."""
    season = weeks(tmp_path / "season", 1, every=20)
    data = tmp_path / "data"
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        demo_process = subprocess.Popen(
            [sys.executable, "-m", "pulang", "demo", str(season), "--data", str(data), "--port", "0"],
            cwd=ROOT,
            env=environment(),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        assert demo_process.stderr is not None
        for line in demo_process.stderr:
            assert "Traceback" not in line
            if "Pulang serves at" in line:
                break
        else:
            raise AssertionError("the demo did not come to serve")
        demo_process.send_signal(how)
        demo_process.wait(timeout=30)
        demo_process.stderr.close()
    said = demo(season, data)
    assert said.status == 0, said.err


def _replay(season: Path, data: Path, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "pulang", "replay", str(season), "--data", str(data)],
            cwd=ROOT,
            env=environment(),
            stdout=output,
            stderr=output,
        )
