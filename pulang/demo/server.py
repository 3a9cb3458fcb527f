"""The Pulang that a demo starts: a process of its own, so that both cores work, which never outlives the demo."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pulang.complaint import Complaint
from shared.settings import Settings, from_environment

READY_WITHIN_SECONDS = 60.0
PAUSE_SECONDS = 0.05
STOPS_WITHIN_SECONDS = 15.0
CLOCK_GRAIN_NS = 50_000_000
"""A file system's clock ticks more coarsely than ours."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to keep the data and where to listen: the flags of `up`."""

    data: Path | None
    host: str
    port: int
    insecure: bool

    @property
    def settings(self) -> Settings:
        return from_environment(self.data)


class Server:
    """A running child process."""

    def __init__(self, process: "subprocess.Popen[bytes]", settings: Settings, log: Path, began_ns: int) -> None:
        self._process = process
        self._settings = settings
        self._began_ns = began_ns
        self.log = log

    def ended(self) -> Complaint | None:
        """Why it ended by itself, if it did."""
        if self._process.poll() is None:
            return None
        last = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        told = last[0].removeprefix("pulang: ") if last else f"it ended with status {self._process.returncode}"
        return Complaint(told if last and last[0].startswith("pulang: ") else f"Pulang ended: see {self.log}")

    def address(self) -> str:
        """Its address, once it answers. Raises Complaint."""
        import httpx

        until = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < until:
            if (ended := self.ended()) is not None:
                raise ended
            with contextlib.suppress(OSError, httpx.HTTPError):
                url = self._settings.address.read_text(encoding="utf-8").strip()
                # The address that a killed process left behind may be another's by now.
                if self._is_ours(url) and httpx.get(f"{url}/readyz", timeout=5, trust_env=False).status_code == 200:
                    return url
            time.sleep(PAUSE_SECONDS)
        raise Complaint(f"Pulang was not ready within {READY_WITHIN_SECONDS:.0f} s: see {self.log}")

    def wait(self) -> None:
        """Until it ends by itself. Raises Complaint then."""
        self._process.wait()
        ended = self.ended()
        if ended is not None:
            raise ended

    def stop(self) -> None:
        """Ask it to end, and see that it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOPS_WITHIN_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _is_ours(self, url: str) -> bool:
        return bool(url) and self._settings.address.stat().st_mtime_ns >= self._began_ns - CLOCK_GRAIN_NS


@contextlib.contextmanager
def running(listen: Listen) -> Iterator[Server]:
    """A Pulang of our own; stopped at the end, whatever the end is. Raises Complaint."""
    settings = listen.settings
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = settings.data / "demo.log"
        output = log.open("ab")
    except OSError as broken:
        raise Complaint(
            f"cannot write to {settings.data} ({broken.strerror}): choose another folder with --data"
        ) from None
    command = [sys.executable, "-m", "pulang.demo.child", str(settings.data), listen.host, str(listen.port)]
    with output:
        began_ns = time.time_ns()
        process = subprocess.Popen(  # noqa: S603
            [*command, *(["insecure"] if listen.insecure else [])],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(process, settings, log, began_ns)
    try:
        yield server
    finally:
        server.stop()
