"""One registration per request beside the bare route, in turn; and a manifest beside single registrations."""

import statistics
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

from benchmarks.load import ARRIVAL, people
from benchmarks.servers import bare, call, load, open_post, pulang

ROUNDS = 5
REQUESTS = 1000
CONNECTIONS = 16
ROWS = 500
SETTLE_SECONDS = 1.0
"""Until the consumers have what one round told them, so that the next does not pay for it."""


def measure() -> dict[str, Any]:
    """Medians over the rounds, and the ratios round by round."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        with pulang(data, 8951) as (address, _), bare(Path(folder, "bare.db"), 8952) as limit:
            officer = open_post(address, data)
            load(f"{address}/intake/cases", officer, "WARM", 200, CONNECTIONS)
            load(f"{limit}/cases", "none", "WARM", 200, CONNECTIONS)
            ours, theirs, rows = [], [], []
            for number in range(ROUNDS):
                ours.append(load(f"{address}/intake/cases", officer, f"A{number}", REQUESTS, CONNECTIONS))
                theirs.append(load(f"{limit}/cases", "none", f"B{number}", REQUESTS, CONNECTIONS))
                rows.append(_manifest(address, officer, f"C{number}"))
                time.sleep(SETTLE_SECONDS)
    single = [figures["per_second"] for figures in ours]
    bare_route = [figures["per_second"] for figures in theirs]
    return {
        "registrations_per_second": statistics.median(single),
        "bare_route_per_second": statistics.median(bare_route),
        "ratio_to_bare_route": round(statistics.median(a / b for a, b in zip(single, bare_route, strict=True)), 2),
        "registration_p99_ms": statistics.median(figures["p99_ms"] for figures in ours),
        "manifest_rows_per_second": round(statistics.median(rows)),
        "ratio_of_manifest_to_single": round(statistics.median(a / b for a, b in zip(rows, single, strict=True)), 1),
    }


def _manifest(address: str, officer: str, tag: str) -> float:
    body = {"id": str(uuid.uuid4()), "rows": [p | {"row_key": str(n)} for n, p in enumerate(people(ROWS, tag))]}
    began = time.perf_counter()
    answer = call("POST", f"{address}/intake/manifests", officer, body | ARRIVAL)
    assert answer["registered"] == ROWS, answer
    return ROWS / (time.perf_counter() - began)


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=2))
