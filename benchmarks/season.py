"""The season under observation: its time, the memory after it, and how long an event takes to a subscriber.

While `pulang demo` plays the season, a subscriber follows an agency's feed by long poll, and a probe registers a person
now and then through the same door to see what a write request takes at that moment. The delay of an event counts from
the later of its own commit and the commit of the consent that opened the case to the agency.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.load import people
from benchmarks.parts import percentile
from benchmarks.servers import call, token, wait_for

SEASON = Path(__file__).parent.parent / "examples" / "season-2020"
PROBE_EVERY_SECONDS = 0.25
SETTLE_SECONDS = 3


def measure(season: Path = SEASON) -> dict[str, Any]:
    """Seconds of the season, MiB of the server afterwards, delays in ms with their ratio to write requests."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        command = [sys.executable, "-m", "pulang"]
        server = subprocess.Popen([*command, "up", "--data", str(data), "--port", "8955"])
        address = "http://127.0.0.1:8955"
        try:
            wait_for(f"{address}/readyz")
            probe = _Probe(address, data)
            subscriber = _Subscriber(address, token(data, "reader", "kemensos"))
            began = time.perf_counter()
            replay = subprocess.Popen([*command, "replay", str(season), "--url", address, "--data", str(data)])
            for watcher in (probe, subscriber):
                watcher.start()
            if replay.wait() != 0:
                raise RuntimeError("the replay failed")
            seconds = time.perf_counter() - began
            probe.done.set()
            time.sleep(SETTLE_SECONDS)
            subscriber.done.set()
            memory = _resident_mib(server.pid)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)
        delays, writes = sorted(subscriber.delays), sorted(probe.took)
        return {
            "season_seconds": round(seconds, 1),
            "memory_after_mib": round(memory),
            "write_p50_ms": round(percentile(writes, 0.5), 1),
            "write_p99_ms": round(percentile(writes, 0.99), 1),
            "commit_to_subscriber_p50_ms": round(percentile(delays, 0.5), 1),
            "commit_to_subscriber_p99_ms": round(percentile(delays, 0.99), 1),
            "ratio_of_p99": round(percentile(delays, 0.99) / percentile(writes, 0.99), 2),
            "events_timed": len(delays),
            "writes_timed": len(writes),
        }


class _Probe(threading.Thread):
    """Registers one person at a time, at an arrival point of its own."""

    def __init__(self, address: str, data: Path) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.took: list[float] = []
        self._address = address
        post = {"name": "Pos Uji", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
        call("PUT", f"{address}/intake/arrival-points/UJI", token(data, "administrator", "bp2mi"), post)
        self._officer = token(data, "arrival_officer", "bp2mi", "UJI")

    def run(self) -> None:
        for person in people(100_000, uuid.uuid4().hex[:4].upper()):
            body = person | {"arrival_point": "UJI", "arrival_date": "2019-06-01"}
            began = time.perf_counter()
            call("POST", f"{self._address}/intake/cases", self._officer, body)
            self.took.append((time.perf_counter() - began) * 1000)
            if self.done.wait(PROBE_EVERY_SECONDS):
                return


class _Subscriber(threading.Thread):
    """Follows the feed and notes how late each event of a case is."""

    def __init__(self, address: str, bearer: str) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()
        self.delays: list[float] = []
        self._address = address
        self._bearer = bearer
        self._opened: dict[str, float] = {}

    def run(self) -> None:
        cursor = ""
        while not self.done.is_set():
            url = f"{self._address}/exchange/feed?limit=1000&wait=2{cursor}"
            request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self._bearer}"})  # noqa: S310
            with urllib.request.urlopen(request) as answer:  # noqa: S310
                page = json.load(answer)
            now = time.time()
            self._note(page["events"], now)
            cursor = f"&after={page['next']}"

    def _note(self, events: list[dict[str, Any]], now: float) -> None:
        recorded = [datetime.fromisoformat(event["recordedtime"]).timestamp() for event in events]
        for event, at in zip(events, recorded, strict=True):
            if event["type"] == "pulang.case.consent_changed.v1":
                self._opened[event["subject"]] = at
        for event, at in zip(events, recorded, strict=True):
            if "grant" in event:
                self.delays.append((now - max(at, self._opened.get(event["subject"], at))) * 1000)


def _resident_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return float("nan")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
