"""Start to ready on a migrated folder, beside an empty FastAPI app under uvicorn, in turn."""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.servers import process, pulang, wait_for

ROUNDS = 7


def measure() -> dict[str, Any]:
    """Seconds from exec to the first 200, medians, and the ratio round by round."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        with pulang(data, 8953):
            pass
        Path(folder, "empty_app.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
        ours, empty = [], []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            with pulang(data, 8953):
                ours.append(time.perf_counter() - began)
            began = time.perf_counter()
            command = [sys.executable, "-m", "uvicorn", "empty_app:app", "--app-dir", folder, "--port", "8954"]
            with process([*command, "--log-level", "error"]):
                wait_for("http://127.0.0.1:8954/openapi.json")
                empty.append(time.perf_counter() - began)
    return {
        "start_to_ready_seconds": round(statistics.median(ours), 2),
        "empty_app_seconds": round(statistics.median(empty), 2),
        "ratio_to_empty_app": round(statistics.median(a / b for a, b in zip(ours, empty, strict=True)), 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
