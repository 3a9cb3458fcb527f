"""The example of a local copy, run as its users run it."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.system.command import ROOT, environment

CASELOAD = ROOT / "examples" / "local-copy" / "caseload.py"
TABLES = ("cases", "stays", "goods", "history")
ENDS_WITHIN_SECONDS = 120


def start(file: Path, url: str, token: str, *more: object, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, CASELOAD, file, *map(str, more)],
        cwd=ROOT,
        env=environment() | {"PULANG_URL": url, "PULANG_TOKEN": token, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def to_the_end(file: Path, url: str, token: str, *more: object, **variables: str) -> str:
    """What it said when nothing came any more."""
    process = start(file, url, token, "--until-idle", 1, *more, **variables)
    out, err = process.communicate(timeout=ENDS_WITHIN_SECONDS)
    assert process.returncode == 0, err
    return out


def content(file: Path, *kinds: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the copy, and these kinds of what the subscriber remembers."""
    rows = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        found = {table: sorted(rows.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}
        for kind in kinds:
            query = "SELECT key, text FROM pulang_subscriber WHERE kind = ? ORDER BY key"
            found[kind] = rows.execute(query, (kind,)).fetchall()
        return found
    finally:
        rows.close()


def kill(process: "subprocess.Popen[str]") -> None:
    """SIGKILL, as when the power goes."""
    os.kill(process.pid, 9)
