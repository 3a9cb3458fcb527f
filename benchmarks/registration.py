"""One registration per request beside the bare route, in turn; and a manifest beside single registrations."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.servers import bare, load, open_post, pulang

ROUNDS = 5
REQUESTS = 1000
CONNECTIONS = 16
ROWS = 1000
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
                sent = load(f"{address}/intake/manifests", officer, f"C{number}", ROWS, 1, "manifest")
                rows.append(sent["per_second"] * ROWS)
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


if __name__ == "__main__":
    import json

    print(json.dumps(measure(), indent=2))
