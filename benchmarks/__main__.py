"""`python -m benchmarks [NAME …]`: all the figures, or some (outbox, hops, season, …)."""

import json
import sys

from benchmarks import (
    hops,
    indicators,
    outbox,
    rebuild,
    registration,
    registration_postgres,
    season,
    startup,
    ways_out,
)

FIGURES = {
    "registration": registration.measure,
    "startup": startup.measure,
    "season": season.measure,
    "outbox": outbox.measure,
    "registration-postgres": registration_postgres.measure,
    "hops": hops.measure,
    "rebuild": rebuild.measure,
    "fanout": ways_out.fan_out,
    "feed": ways_out.feed,
    "indicators": indicators.measure,
}

for name in sys.argv[1:] or FIGURES:
    print(json.dumps({name: FIGURES[name]()}, indent=2), flush=True)
