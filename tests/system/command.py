"""The command line, run as its users run it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shared.security.tokens import DevelopmentIssuer
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
READY_WITHIN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """Its one line of error."""
        assert self.status != 0, self.out
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0]

    def json(self) -> Any:
        assert self.out, self.err
        return json.loads(self.out)


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PULANG_")}
    return kept | {"PYTHONPATH": str(ROOT)}


def pulang(
    *arguments: object, cwd: Path = ROOT, timeout: float = 300, variables: Mapping[str, str] | None = None
) -> Said:
    """Run a command to its end. `variables`: of its environment, besides the usual ones."""
    done = subprocess.run(
        [sys.executable, "-m", "pulang", *map(str, arguments)],
        cwd=cwd,
        env=environment() | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def demo(folder: Path, data: Path, *more: object, timeout: float = 600) -> Said:
    return pulang("demo", folder, "--exit", "--json", "--data", data, "--port", 0, *more, timeout=timeout)


class Up:
    """A running `pulang up`. `variables`: of its environment, besides the usual ones."""

    def __init__(self, data: Path, **variables: str) -> None:
        self.data = data
        with (data.parent / "up.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pulang", "up", "--data", str(data), "--port", "0"],
                cwd=ROOT,
                env=environment() | variables,
                stdout=log,
                stderr=log,
            )

    def ready(self) -> "Up":
        """Once it answers at the address that it wrote."""
        until = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < until:
            assert self._process.poll() is None, (self.data.parent / "up.log").read_text()[-2000:]
            with contextlib.suppress(OSError, httpx.HTTPError, httpx.InvalidURL, ValueError):
                url = (self.data / "url").read_text().strip()
                if httpx.get(f"{url}/readyz", trust_env=False).status_code == 200:
                    self.url = url
                    return self
            time.sleep(0.05)
        raise AssertionError("not ready in time")

    def kill(self) -> None:
        """As a power cut would."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """See that it is gone."""
        if self._process.poll() is None:
            self.stop()

    def stop(self) -> int:
        """As an operator would; its exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=20)


def ask(data: Path, url: str, path: str, **query: str) -> Any:
    """What a Pulang on a data folder answers its administrator."""
    token = DevelopmentIssuer(Settings(data).keys).issue("pulang", "administrator")
    answer = httpx.get(
        f"{url}{path}", params=query, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


@contextlib.contextmanager
def up(data: Path, **variables: str) -> Iterator[Up]:
    running = Up(data, **variables)
    try:
        yield running.ready()
    finally:
        running.end()
