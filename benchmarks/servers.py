"""Servers under measurement, each a process of its own on a folder or file of its own."""

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.security.tokens import DevelopmentIssuer

STARTS_WITHIN_SECONDS = 60


@contextlib.contextmanager
def process(command: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A child that is asked to end at the end, and made to if it doesn't."""
    child = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for(url: str) -> float:
    """Seconds until the URL answers with 200."""
    began = time.perf_counter()
    while time.perf_counter() - began < STARTS_WITHIN_SECONDS:
        with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url) as answer:  # noqa: S310
            if answer.status == 200:
                return time.perf_counter() - began
        time.sleep(0.005)
    raise TimeoutError(url)


@contextlib.contextmanager
def pulang(folder: Path, port: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`pulang up` on a folder; its address."""
    command = [sys.executable, "-m", "pulang", "up", "--data", str(folder), "--port", str(port)]
    with process(command) as child:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/readyz")
        yield address, child


@contextlib.contextmanager
def bare(database: Path, port: int) -> Iterator[str]:
    """The bare route on a database file; its address."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "benchmarks.bare:create_app", "--port", str(port)]
    with process([*command, "--log-level", "error", "--no-access-log"], BARE_DATABASE=str(database)):
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/docs")
        yield address


def token(folder: Path, role: str, agency: str, facility: str | None = None) -> str:
    return DevelopmentIssuer(folder / "keys").issue(agency, role, facility)


def call(method: str, url: str, bearer: str, body: Any = None) -> Any:
    """One request, its JSON answer."""
    request = urllib.request.Request(  # noqa: S310
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        return json.load(answer)


def open_post(address: str, folder: Path) -> str:
    """An arrival point to register at; an officer's token for it."""
    post = {"name": "Pos TNJ", "agency": "bp2mi", "regency": "21.72", "time_zone": "Asia/Jakarta"}
    call("PUT", f"{address}/intake/arrival-points/TNJ", token(folder, "administrator", "bp2mi"), post)
    return token(folder, "arrival_officer", "bp2mi", "TNJ")


def load(url: str, bearer: str, tag: str, count: int, connections: int, shape: str = "singly") -> dict[str, float]:
    """Registrations from a process of its own, `singly` or as one `manifest`."""
    command = [sys.executable, "-m", "benchmarks.load", url, bearer, tag, str(count), str(connections), shape]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
